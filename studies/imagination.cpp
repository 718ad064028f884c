#include "studies/imagination.h"

#include <algorithm>
#include <iostream>

#include "agents/training/decoder_training.h"
#include "agents/training/picture_sheet.h"
#include "nn/pch.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

constexpr Color kPanel{24, 28, 36};
constexpr Color kText{255, 255, 255};
constexpr Color kFaint{190, 198, 210};
constexpr Color kNow{255, 184, 77};
constexpr int kGap = 6;           // [px] between pictures
constexpr double kMark = 3.0;     // [px] width of the frame around the current picture
constexpr int kLeastPicture = 8;  // [px] below which nothing is drawn

}  // namespace

std::unique_ptr<Imagination> Imagination::of(const LoadedPolicy& loaded, const Actor& actor) {
  if (!loaded.goals) return nullptr;
  auto* agent = dynamic_cast<WorldModelAgent*>(loaded.agent.get());
  std::unique_ptr<Decoder> decoder;
  if (agent != nullptr) {
    try {
      decoder = load_decoder(loaded.name, agent->model(), loaded.spec.field("pixels"), loaded.step);
    } catch (const Error& error) {
      std::cerr << fmt::format("{}. The film shows the goal without the plan.\n", error.what());
    }
  }
  return std::unique_ptr<Imagination>(
      new Imagination(agent, dynamic_cast<const PlanningPolicy*>(&actor), std::move(decoder)));
}

Imagination::Imagination(WorldModelAgent* agent, const PlanningPolicy* actor,
                         std::unique_ptr<Decoder> decoder)
    : agent_(agent), actor_(actor), decoder_(std::move(decoder)) {}

int64_t Imagination::steps() const {
  return decoder_ == nullptr ? -1 : agent_->planning().planner.horizon;
}

void Imagination::look(const TensorMap& obs) {
  goal_ = obs.at("goal_pixels")[0].clone();
  seen_ = obs.at("pixels")[0].clone();
  if (decoder_ == nullptr) return;
  const PlanningPolicy::PlannedRollout planned = actor_->planned_rollout(0);
  if (!planned.actions.defined()) {  // an episode begins
    plan_ = imagined_ = at::Tensor();
    return;
  }
  if (!plan_.defined() || !plan_.is_same(planned.actions)) imagine_plan(planned);
  const int64_t block = agent_->model().actions().block();
  now_ = std::min((planned.elapsed + block / 2) / block, imagined_.size(0) - 1);
}

void Imagination::imagine_plan(const PlanningPolicy::PlannedRollout& planned) {
  const at::Tensor latents = imagine(agent_->model(), planned.start, planned.actions.unsqueeze(0));
  imagined_ = decoder_->pictures(latents[0]);
  plan_ = planned.actions;
}

// The columns that make pictures largest: a row of the goal and the present picture, then those of
// the plan. text: height of a line [px].
Imagination::Grid Imagination::grid(int width, int height, double text) const {
  Grid best;
  const double aspect = static_cast<double>(seen_.size(1)) / static_cast<double>(seen_.size(0));
  const auto plan = static_cast<int>(steps() + 1);
  for (int columns = 2; columns <= std::max(2, plan); ++columns) {
    const int rows = 1 + (plan + columns - 1) / columns;
    const double by_width = static_cast<double>(width - (columns + 1) * kGap) / columns / aspect;
    const double headings = plan > 0 ? 1.5 * text : 0.0;
    const double by_height = (height - headings) / rows - kGap - 1.3 * text;
    const int picture = static_cast<int>(std::min(by_width, by_height));
    if (picture > best.picture.height) best = {columns, size_at_height(seen_, picture)};
  }
  return best;
}

void Imagination::draw(Canvas& canvas, int left) const {
  const int width = canvas.width() - left;
  canvas.fill_rect(left, 0, width, canvas.height(), kPanel);
  const double text = std::clamp(canvas.height() / 36.0, 6.0, 24.0);
  const auto line = static_cast<int>(1.3 * text);
  const Grid cells = grid(width, canvas.height(), text);
  if (cells.picture.height < kLeastPicture) return;

  const int margin = (width - cells.columns * (cells.picture.width + kGap) + kGap) / 2;
  const auto x_of = [&](int64_t column) {
    return left + margin + static_cast<int>(column) * (cells.picture.width + kGap);
  };
  const auto show = [&](int64_t column, int y, const std::string& caption,
                        const at::Tensor& picture) {
    canvas.text(x_of(column), y + text, caption, text, kFaint);
    draw_picture(canvas, x_of(column), y + line, cells.picture, picture);
  };
  show(0, 0, "goal", goal_);
  show(1, 0, "seen", seen_);
  if (!imagined_.defined()) return;
  const int row_height = line + cells.picture.height + kGap;
  const int first = row_height + static_cast<int>(1.5 * text);
  canvas.text(x_of(0), first - 0.35 * text, "imagined", text, kText);
  for (int64_t i = 0; i < imagined_.size(0); ++i) {
    const int64_t column = i % cells.columns;
    const int y = first + static_cast<int>(i / cells.columns) * row_height;
    if (i == now_) {
      canvas.fill_rect(x_of(column) - kMark, y + line - kMark, cells.picture.width + 2 * kMark,
                       cells.picture.height + 2 * kMark, kNow);
    }
    show(column, y, i == 0 ? "start" : fmt::format("+{}", i), imagined_[i]);
  }
}

}  // namespace reverie
