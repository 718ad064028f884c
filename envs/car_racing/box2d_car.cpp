#include "envs/car_racing/box2d_car.h"

#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "envs/car_racing/bare_car.h"

namespace reverie::car_racing {
namespace {

void add_fixture(b2Body& body, std::span<const Point> outline, float density, uint16_t category,
                 uint16_t mask) {
  std::array<b2Vec2, b2_maxPolygonVertices> corners;
  for (size_t i = 0; i < outline.size(); ++i) {
    corners[i].Set(static_cast<float>(outline[i].x), static_cast<float>(outline[i].y));
  }
  b2PolygonShape shape;
  shape.Set(corners.data(), static_cast<int32>(outline.size()));
  b2FixtureDef fixture;
  fixture.shape = &shape;
  fixture.density = density;
  fixture.filter.categoryBits = category;
  fixture.filter.maskBits = mask;
  body.CreateFixture(&fixture);
}

}  // namespace

Box2dCar::Box2dCar(double x, double y, double angle)
    : world_(std::make_unique<b2World>(b2Vec2(0.0F, 0.0F))) {
  const auto make_body = [&](double body_x, double body_y) {
    b2BodyDef definition;
    definition.type = b2_dynamicBody;
    definition.position.Set(static_cast<float>(body_x), static_cast<float>(body_y));
    definition.angle = static_cast<float>(angle);
    return world_->CreateBody(&definition);
  };
  hull_ = make_body(x, y);
  for (const Outline& part : hull_outlines()) {
    add_fixture(*hull_, part.view(), kHullDensity, 0x0001, 0xffff);
  }
  const std::array<Vec2, 4> anchors = wheel_anchors();
  for (size_t i = 0; i < 4; ++i) {
    wheels_[i] =
        make_body(x + static_cast<double>(anchors[i].x), y + static_cast<double>(anchors[i].y));
    add_fixture(*wheels_[i], wheel_outline(), kWheelDensity, 0x0020, 0x0001);
    b2RevoluteJointDef definition;
    definition.bodyA = hull_;
    definition.bodyB = wheels_[i];
    definition.localAnchorA.Set(anchors[i].x, anchors[i].y);
    definition.enableMotor = true;
    definition.enableLimit = true;
    definition.maxMotorTorque = kSteerTorque;
    definition.lowerAngle = -kMaxSteer;
    definition.upperAngle = kMaxSteer;
    hinges_[i] = static_cast<b2RevoluteJoint*>(world_->CreateJoint(&definition));
  }
}

void Box2dCar::step(float dt) {
  world_->Step(dt, RigidCar::kVelocityIterations, RigidCar::kPositionIterations);
}

double bare_car_rate(int threads, double seconds) {
  std::vector<double> rates(static_cast<size_t>(threads));
  const auto work = [&](size_t index) {
    constexpr int kEpisode = 1000;
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    double elapsed = 0.0;
    int64_t steps = 0;
    while (elapsed < seconds) {
      Box2dCar car(0.0, 0.0, 0.0);
      for (int t = 0; t < kEpisode; ++t, ++steps) {
        // A slow slalom, kept moving by the rear wheels.
        for (size_t i = 0; i < 4; ++i) {
          const float target = i < 2 ? 0.3F * std::sin(0.05F * static_cast<float>(t)) : 0.0F;
          car.hinge(i).SetMotorSpeed(3.0F * (target - car.hinge(i).GetJointAngle()));
          if (i >= 2) car.wheel(i).ApplyForceToCenter(car.wheel(i).GetWorldVector({0, 40}), true);
        }
        car.step(static_cast<float>(Car::kStep));
      }
      elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    rates[index] = static_cast<double>(steps) / elapsed;
  };
  std::vector<std::thread> workers;
  for (size_t i = 1; i < rates.size(); ++i) workers.emplace_back(work, i);
  work(0);
  for (std::thread& worker : workers) worker.join();
  double sum = 0.0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace reverie::car_racing
