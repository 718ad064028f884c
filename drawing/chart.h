#pragma once

#include <string>
#include <vector>

#include "core/statistics.h"
#include "drawing/canvas.h"

namespace reverie {

// A rectangle of a picture [px].
struct Box {
  double x = 0.0, y = 0.0, width = 0.0, height = 0.0;
};

// A diagram with two linear axes, for the pictures of reports.
class Chart {
 public:
  Chart(std::string title, std::string x_label, std::string y_label = "");

  // The uncertainty of a value: from low to high.
  struct Interval {
    double low = 0.0, high = 0.0;
  };

  // A line through the points in the given order, broken at points that are not finite. The legend
  // shows the name unless it is "". band: empty, or the interval of each point, drawn behind the
  // line. Throws Error for another number of intervals, or points and intervals that are not
  // finite.
  void add_line(std::string name, std::vector<Point> points, std::vector<Interval> band = {});

  // A dot at each point; those that are not finite are left out.
  void add_points(std::string name, std::vector<Point> points);

  // Bars as wide as the bins. The y axis then begins at 0.
  void add_histogram(const Histogram& histogram);

  // Fixes the range of an axis, which otherwise fits the data. Throws Error unless low < high.
  void set_x_range(double low, double high);
  void set_y_range(double low, double high);

  // Draws into the box, on white. Text is in proportion to the box.
  void draw(Canvas& canvas, const Box& box) const;

 private:
  struct Range {
    double low = 0.0, high = 0.0;
    bool is_fixed = false;
    bool is_empty = true;

    void include(double value);
  };
  struct Series {
    std::string name;
    std::vector<Point> points;
    bool is_line = false;
    std::vector<Point> band = {};  // outline
  };
  struct Bar {
    double low = 0.0, high = 0.0, height = 0.0;
  };

  void include(const std::vector<Point>& points);

  std::string title_, x_label_, y_label_;
  std::vector<Series> series_;
  std::vector<Bar> bars_;
  Range x_, y_;
};

// Draws the charts in a grid of `columns`, each width x height pixels, and writes the picture.
// Throws Error as write_png() does.
void write_charts(const std::string& path, const std::vector<Chart>& charts, int columns, int width,
                  int height);

}  // namespace reverie
