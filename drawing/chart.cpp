#include "drawing/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace reverie {
namespace {

constexpr Color kPaper{255, 255, 255};
constexpr Color kInk{40, 44, 52};
constexpr Color kFaint{110, 116, 128};
constexpr Color kGrid{228, 230, 235};
constexpr std::array<Color, 7> kColors = {{{31, 119, 180},
                                           {214, 96, 20},
                                           {44, 140, 60},
                                           {200, 40, 50},
                                           {130, 90, 180},
                                           {140, 86, 75},
                                           {80, 80, 80}}};
constexpr int kTicks = 5;  // target number on each axis

// The distance of round numbers (1, 2 or 5 times a power of ten) that gives about kTicks of them.
double tick_step(double low, double high) {
  const double rough = (high - low) / kTicks;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10.0 * power;
}

std::vector<double> ticks(double low, double high) {
  const double step = tick_step(low, high);
  std::vector<double> found;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) {
    found.push_back(k * step);
  }
  return found;
}

// Short enough for an axis; sums of steps such as 0.30000000000000004 come out as 0.3.
// "40k" rather than "4e+04": steps of a run are large and round.
std::string tick_text(double value) {
  for (const auto& [unit, suffix] : {std::pair{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}) {
    if (std::abs(value) >= std::max(unit, 1e4))
      return fmt::format("{:.4g}{}", value / unit, suffix);
  }
  return fmt::format("{:.4g}", value == 0.0 ? 0.0 : value);
}

}  // namespace

Chart::Chart(std::string title, std::string x_label, std::string y_label)
    : title_(std::move(title)), x_label_(std::move(x_label)), y_label_(std::move(y_label)) {}

void Chart::Range::include(double value) {
  if (is_fixed || !std::isfinite(value)) return;
  low = is_empty ? value : std::min(low, value);
  high = is_empty ? value : std::max(high, value);
  is_empty = false;
}

void Chart::include(const std::vector<Point>& points) {
  for (const Point& point : points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    x_.include(point.x);
    y_.include(point.y);
  }
}

void Chart::add_line(std::string name, std::vector<Point> points, std::vector<Interval> band) {
  include(points);
  REVERIE_CHECK(band.empty() || band.size() == points.size(), "chart: {} intervals of {} points",
                band.size(), points.size());
  std::vector<Point> outline;
  for (size_t i = 0; i < band.size(); ++i) outline.push_back({points[i].x, band[i].high});
  for (size_t i = band.size(); i-- > 0;) outline.push_back({points[i].x, band[i].low});
  for (const Point& corner : outline) {
    REVERIE_CHECK(std::isfinite(corner.x) && std::isfinite(corner.y),
                  "chart: a band through ({}, {}), expected finite numbers", corner.x, corner.y);
  }
  include(outline);
  series_.push_back({std::move(name), std::move(points), true, std::move(outline)});
}

void Chart::add_points(std::string name, std::vector<Point> points) {
  include(points);
  series_.push_back({std::move(name), std::move(points), false});
}

void Chart::add_histogram(const Histogram& histogram) {
  y_.include(0.0);
  for (size_t i = 0; i < histogram.counts().size(); ++i) {
    const double low = histogram.low() + static_cast<double>(i) * histogram.width();
    const double count = static_cast<double>(histogram.counts()[i]);
    bars_.push_back({low, low + histogram.width(), count});
    x_.include(low);
    x_.include(low + histogram.width());
    y_.include(count);
  }
}

void Chart::set_x_range(double low, double high) {
  REVERIE_CHECK(low < high, "chart: a range from {} to {}", low, high);
  x_ = {low, high, true, false};
}

void Chart::set_y_range(double low, double high) {
  REVERIE_CHECK(low < high, "chart: a range from {} to {}", low, high);
  y_ = {low, high, true, false};
}

namespace {

// The axes of a chart: where values are drawn, and the frame around them.
class Axes {
 public:
  Axes(Canvas& canvas, const Box& box, bool has_y_label)
      : canvas_(canvas),
        text_(std::max(9.0, std::min(box.width / 30.0, box.height / 18.0))),
        box_(box) {
    const double left = (has_y_label ? 5.4 : 4.2) * text_;
    inner_ = {box.x + left, box.y + 2.4 * text_, box.width - left - 1.2 * text_,
              box.height - 5.8 * text_};
  }

  void set_ranges(double x_low, double x_high, double y_low, double y_high) {
    x_low_ = x_low;
    x_high_ = x_high;
    y_low_ = y_low;
    y_high_ = y_high;
  }

  Point place(Point value) const {
    return {inner_.x + (value.x - x_low_) / (x_high_ - x_low_) * inner_.width,
            inner_.y + inner_.height - (value.y - y_low_) / (y_high_ - y_low_) * inner_.height};
  }

  void draw_frame(const std::string& title, const std::string& x_label,
                  const std::string& y_label) {
    canvas_.fill_rect(box_.x, box_.y, box_.width, box_.height, kPaper);
    const double bottom = inner_.y + inner_.height;
    for (const double x : ticks(x_low_, x_high_)) {
      const double at = place({x, 0.0}).x;
      canvas_.fill_rect(at - 0.5, inner_.y, 1.0, inner_.height, kGrid);
      canvas_.text(at, bottom + 1.25 * text_, tick_text(x), 0.85 * text_, kFaint,
                   TextAlign::kCenter);
    }
    for (const double y : ticks(y_low_, y_high_)) {
      const double at = place({0.0, y}).y;
      canvas_.fill_rect(inner_.x, at - 0.5, inner_.width, 1.0, kGrid);
      canvas_.text(inner_.x - 0.4 * text_, at + 0.3 * text_, tick_text(y), 0.85 * text_, kFaint,
                   TextAlign::kRight);
    }
    canvas_.text(inner_.x, box_.y + 1.5 * text_, title, 1.1 * text_, kInk);
    canvas_.text(inner_.x + inner_.width / 2, bottom + 2.7 * text_, x_label, text_, kInk,
                 TextAlign::kCenter);
    canvas_.text(inner_.x + inner_.width, box_.y + 1.5 * text_, y_label, 0.9 * text_, kFaint,
                 TextAlign::kRight);
  }

  void draw_border() {
    canvas_.fill_rect(inner_.x, inner_.y + inner_.height - 0.5, inner_.width, 1.0, kInk);
    canvas_.fill_rect(inner_.x - 0.5, inner_.y, 1.0, inner_.height, kInk);
  }

  void draw_legend(const std::vector<std::pair<std::string, Color>>& entries) {
    double y = inner_.y + 1.1 * text_;
    for (const auto& [name, color] : entries) {
      const double width = text_width(name, 0.9 * text_) + 2.0 * text_;
      const double x = inner_.x + inner_.width - width - 0.5 * text_;
      canvas_.fill_rect(x - 0.3 * text_, y - text_, width + 0.6 * text_, 1.3 * text_,
                        kPaper.with_alpha(200));
      canvas_.fill_rect(x, y - 0.45 * text_, 1.4 * text_, 0.22 * text_, color);
      canvas_.text(x + 1.8 * text_, y, name, 0.9 * text_, kInk);
      y += 1.3 * text_;
    }
  }

  bool is_inside(Point value) const {
    return value.x >= x_low_ && value.x <= x_high_ && value.y >= y_low_ && value.y <= y_high_;
  }

  Canvas& canvas() { return canvas_; }
  double text_size() const { return text_; }

 private:
  Canvas& canvas_;
  double text_;  // [px]
  Box box_, inner_;
  double x_low_ = 0.0, x_high_ = 1.0, y_low_ = 0.0, y_high_ = 1.0;
};

void draw_line(Axes& axes, const std::vector<Point>& points, Color color) {
  std::vector<Point> run;
  const auto finish = [&] {
    if (run.size() > 1) {
      axes.canvas().stroke_polyline(run, 0.14 * axes.text_size(), color);
    } else if (run.size() == 1) {
      axes.canvas().fill_circle(run[0], 0.2 * axes.text_size(), color);
    }
    run.clear();
  };
  for (const Point& point : points) {
    if (std::isfinite(point.x) && std::isfinite(point.y) && axes.is_inside(point)) {
      run.push_back(axes.place(point));
    } else {
      finish();
    }
  }
  finish();
}

// Nothing if it is empty and the range of an axis was fixed without it.
void draw_band(Axes& axes, const std::vector<Point>& outline, Color color) {
  const bool is_inside = std::all_of(outline.begin(), outline.end(),
                                     [&](const Point& point) { return axes.is_inside(point); });
  if (outline.size() < 3 || !is_inside) return;
  std::vector<Point> corners;
  for (const Point& point : outline) corners.push_back(axes.place(point));
  axes.canvas().fill_polygon(corners, color.with_alpha(50));
}

// Fewer dots are drawn larger.
void draw_points(Axes& axes, const std::vector<Point>& points, Color color) {
  const double crowd =
      std::clamp(30.0 / std::sqrt(1.0 + static_cast<double>(points.size())), 0.3, 1.0);
  for (const Point& point : points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y) || !axes.is_inside(point)) continue;
    axes.canvas().fill_circle(axes.place(point), 0.28 * crowd * axes.text_size(),
                              color.with_alpha(150));
  }
}

}  // namespace

void Chart::draw(Canvas& canvas, const Box& box) const {
  Axes axes(canvas, box, !y_label_.empty());
  // An axis whose values are all equal gets room around them.
  const auto widened = [](const Range& range, double share) {
    if (range.is_fixed) return range;
    const double size = range.high - range.low;
    const double room = size > 0.0 ? share * size : std::max(0.5, 0.1 * std::abs(range.low));
    return Range{range.low - room, range.high + room, false, false};
  };
  const Range x = widened(x_, bars_.empty() ? 0.02 : 0.0);
  Range y = widened(y_, 0.06);
  if (!bars_.empty() && !y_.is_fixed) y.low = 0.0;
  axes.set_ranges(x.low, x.high, y.low, y.high);
  axes.draw_frame(title_, x_label_, y_label_);
  for (const Bar& bar : bars_) {
    const Point top = axes.place({bar.low, bar.height});
    const Point bottom = axes.place({bar.high, 0.0});
    canvas.fill_rect(top.x, top.y, std::max(bottom.x - top.x - 0.6, 0.6), bottom.y - top.y,
                     kColors[0].with_alpha(210));
  }
  std::vector<std::pair<std::string, Color>> legend;
  for (size_t i = 0; i < series_.size(); ++i) {
    const Color color = kColors[i % kColors.size()];
    if (series_[i].is_line) {
      draw_band(axes, series_[i].band, color);
      draw_line(axes, series_[i].points, color);
    } else {
      draw_points(axes, series_[i].points, color);
    }
    if (!series_[i].name.empty()) legend.emplace_back(series_[i].name, color);
  }
  axes.draw_border();
  axes.draw_legend(legend);
}

void write_charts(const std::string& path, const std::vector<Chart>& charts, int columns, int width,
                  int height) {
  const auto count = static_cast<int>(charts.size());
  const int across = std::max(1, std::min(columns, count));
  Canvas canvas(across * width, std::max(1, (count + across - 1) / across) * height);
  canvas.clear(kPaper);
  for (int i = 0; i < count; ++i) {
    charts[static_cast<size_t>(i)].draw(
        canvas, {static_cast<double>(i % across * width), static_cast<double>(i / across * height),
                 static_cast<double>(width), static_cast<double>(height)});
  }
  write_png(path, canvas.image());
}

}  // namespace reverie
