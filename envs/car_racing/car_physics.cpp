#include "envs/car_racing/car_physics.h"

#include <algorithm>
#include <numbers>

#include "envs/car_racing/box2d_physics.h"
#include "envs/car_racing/native_physics.h"

namespace reverie::car_racing {
namespace {

// Box2D's settings (b2_settings.h of 2.3, b2_common.h of 2.4).
constexpr float kTimeToSleep = 0.5F;  // [s]
constexpr float kLinearSleepTolerance = 0.01F;
constexpr float kAngularSleepTolerance = 2.0F / 180.0F * std::numbers::pi_v<float>;

}  // namespace

std::unique_ptr<CarPhysics> make_car_physics(PhysicsEngine engine,
                                             const CarDefinition& definition) {
  if (engine == PhysicsEngine::kBox2d) return std::make_unique<Box2dPhysics>(definition);
  return std::make_unique<NativePhysics>(definition);
}

void update_sleep(CarBodies& bodies, bool positions_solved) {
  float least = kTimeToSleep;
  const auto rest = [&](Body& body) {
    const bool moves =
        body.angular_velocity * body.angular_velocity >
            kAngularSleepTolerance * kAngularSleepTolerance ||
        dot(body.velocity, body.velocity) > kLinearSleepTolerance * kLinearSleepTolerance;
    body.sleep_time = moves ? 0.0F : body.sleep_time + static_cast<float>(CarPhysics::kStep);
    least = std::min(least, body.sleep_time);
  };
  rest(bodies.hull);
  for (Body& wheel : bodies.wheels) rest(wheel);
  if (least < kTimeToSleep || !positions_solved) return;
  const auto stop = [](Body& body) {
    body.velocity = {};
    body.angular_velocity = 0.0F;
    body.sleep_time = 0.0F;
  };
  stop(bodies.hull);
  for (Body& wheel : bodies.wheels) stop(wheel);
}

}  // namespace reverie::car_racing
