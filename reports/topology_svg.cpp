// A drawing of a network as SVG.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>

#include "engine/base/quantity_text.hpp"
#include "reports/terminal.hpp"
#include "reports/topology_report.hpp"
#include "topologies/cables.hpp"
#include "topologies/drawing.hpp"

namespace rehearse {
namespace {

constexpr double margin = 60, legend_line = 22, head = 64;
// Okabe and Ito's colours, which people with any colour vision tell apart; cables of endpoints' ports are grey.
constexpr std::array<const char*, 7> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                             "#e69f00", "#56b4e9", "#333333"};
constexpr const char* port_colour = "#9aa0a6";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

class Svg {
 public:
  Svg(const TopologyJob& job, const TopologyPart& part, std::ostream& out)
      : job_(job), part_(part), drawing_(draw(part.topology)), out_(out) {
    read_kinds();
    fit();
  }

  void write() {
    out_ << fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\">\n",
        width_, height_);
    out_ << "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    write_title();
    for (const DrawnCable& cable : drawing_.cables) write_cable(cable);
    for (const DrawnVertex& vertex : drawing_.vertices) write_vertex(vertex);
    write_legend();
    out_ << "</svg>\n";
  }

 private:
  struct Kind {
    CableKind cables;
    const char* colour;
  };

  void read_kinds() {
    std::size_t colour = 0;
    for (CableKind& kind : cable_kinds(part_.topology)) {
      const auto known =
          std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& k) { return k.cables.name == kind.name; });
      const char* drawn = known != kinds_.end() ? known->colour
                          : kind.name == "port" ? port_colour
                                                : colours[colour++ % colours.size()];
      most_ = std::max(most_, kind.bandwidth.value());
      kinds_.push_back({std::move(kind), drawn});
    }
  }

  // Moves the drawing to the margin and makes the page as large as it needs.
  void fit() {
    double left = 1e300, top = 1e300, right = -1e300, bottom = -1e300;
    for (const DrawnVertex& v : drawing_.vertices) {
      left = std::min(left, v.x);
      right = std::max(right, v.x);
      top = std::min(top, v.y);
      bottom = std::max(bottom, v.y);
    }
    const double names = drawing_.layout == Drawing::Layout::grid ? 0 : 50;
    width_ = std::max(right - left + 2 * margin, 460.0);
    const double aside = (width_ - (right - left)) / 2 - left;
    for (DrawnVertex& v : drawing_.vertices) {
      v.x += aside;
      v.y += head + margin - top;
    }
    legend_ = head + margin + bottom - top + margin + names;
    height_ = legend_ + legend_line * static_cast<double>(kinds_.size()) + 24;
    for (const DrawnVertex& v : drawing_.vertices) {
      middle_x_ += v.x / static_cast<double>(drawing_.vertices.size());
      middle_y_ += v.y / static_cast<double>(drawing_.vertices.size());
    }
  }

  double stroke(BytesPerSecond bandwidth) const {
    const double widest = drawing_.cables.size() > 2000 ? 0.8 : drawing_.cables.size() > 400 ? 1.4 : 2.4;
    return std::clamp(widest * std::sqrt(bandwidth.value() / most_), 0.4, 3 * widest);
  }

  const char* colour_of(const std::string& kind) const {
    return std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& k) { return k.cables.name == kind; })->colour;
  }

  void write_title() {
    out_ << fmt::format("<title>{}</title>\n", escaped(job_.name));
    out_ << fmt::format("<text x=\"24\" y=\"32\" font-size=\"18\" font-weight=\"bold\">{}</text>\n",
                        escaped(job_.name));
    const std::size_t endpoints = part_.topology.endpoints.size();
    const std::size_t switches = boost::num_vertices(part_.topology.graph) - endpoints;
    out_ << fmt::format(
        "<text x=\"24\" y=\"52\" font-size=\"13\" fill=\"#555555\">{}: {} endpoint{}, {} switch{}, {} cables</text>\n",
        escaped(part_.name), grouped(endpoints), endpoints == 1 ? "" : "s", grouped(switches),
        switches == 1 ? "" : "es", grouped(cable_links(part_.topology).size()));
  }

  void write_cable(const DrawnCable& cable) {
    const DrawnVertex &a = drawing_.vertices[cable.a], &b = drawing_.vertices[cable.b];
    std::string path = fmt::format("M{:.1f} {:.1f}", a.x, a.y);
    if (cable.bend == 0) {
      path += fmt::format("L{:.1f} {:.1f}", b.x, b.y);
    } else {
      // A curve's middle is half as far off as its control point.
      const double dx = b.x - a.x, dy = b.y - a.y, length = std::hypot(dx, dy);
      path += fmt::format("Q{:.1f} {:.1f} {:.1f} {:.1f}", (a.x + b.x) / 2 + 2 * cable.bend * dy / length,
                          (a.y + b.y) / 2 - 2 * cable.bend * dx / length, b.x, b.y);
    }
    out_ << fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.2f}\" stroke-opacity=\"{}\"/>\n",
                        path, colour_of(cable.kind), stroke(cable.bandwidth), cable.bend == 0 ? 0.8 : 0.45);
  }

  void write_vertex(const DrawnVertex& v) {
    if (v.shape == DrawnVertex::Shape::endpoint) {
      const double size = std::clamp(drawing_.spacing / 3, 5.0, 12.0);
      out_ << fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\" fill=\"#ffffff\" "
          "stroke=\"#222222\"/>\n",
          v.x - size / 2, v.y - size / 2, size, size);
      return write_name(v);
    }
    const bool is_switch = v.shape == DrawnVertex::Shape::network_switch;
    const double wide = std::max(38.0, 7.0 * static_cast<double>(display_width(v.name)) + 6);
    out_ << fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"20\" rx=\"{}\" fill=\"{}\" stroke=\"#222222\"/>\n",
        v.x - wide / 2, v.y - 10, wide, is_switch ? 6 : 2, is_switch ? "#eef3f8" : "#ffffff");
    out_ << fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" text-anchor=\"middle\">{}</text>\n", v.x,
                        v.y + 4, escaped(v.name));
  }

  // Beside, below, or away from the middle, where there is room for it.
  void write_name(const DrawnVertex& v) {
    const std::string name = v.name.starts_with("endpoint") ? v.name.substr(8) : v.name;
    double angle = 0, x = v.x - 8, y = v.y - 8;
    const char* anchor = "end";
    if (drawing_.layout == Drawing::Layout::levels) {
      const bool fits = name.size() <= 3;
      angle = fits ? 0 : 90;
      x = fits ? v.x : v.x - 4;
      y = v.y + (fits ? 18 : 10);
      anchor = fits ? "middle" : "start";
    } else if (drawing_.layout != Drawing::Layout::grid) {
      const double away = std::hypot(v.x - middle_x_, v.y - middle_y_) + 1e-9;
      const double cosine = (v.x - middle_x_) / away, sine = (v.y - middle_y_) / away;
      x = v.x + 13 * cosine;
      y = v.y + 13 * sine + 4;
      anchor = cosine > 0.3 ? "start" : cosine < -0.3 ? "end" : "middle";
    }
    out_ << fmt::format(
        "<text x=\"{0:.1f}\" y=\"{1:.1f}\" font-size=\"{2}\" fill=\"#333333\" text-anchor=\"{3}\"{4}>{5}</text>\n", x,
        y, drawing_.spacing < 60 ? 9 : 10, anchor,
        angle == 0 ? "" : fmt::format(" transform=\"rotate({} {:.1f} {:.1f})\"", angle, x, y), escaped(name));
  }

  void write_legend() {
    double y = legend_;
    for (const Kind& kind : kinds_) {
      out_ << fmt::format(
          "<line x1=\"24\" x2=\"64\" y1=\"{0:.1f}\" y2=\"{0:.1f}\" stroke=\"{1}\" stroke-width=\"{2:.2f}\"/>\n", y,
          kind.colour, std::max(1.5, stroke(kind.cables.bandwidth)));
      out_ << fmt::format("<text x=\"74\" y=\"{:.1f}\" font-size=\"12\">{}: {} cable{} of {}, {}</text>\n", y + 4,
                          escaped(kind.cables.name), grouped(kind.cables.count), kind.cables.count == 1 ? "" : "s",
                          to_text(kind.cables.bandwidth), to_text(kind.cables.latency));
      y += legend_line;
    }
  }

  const TopologyJob& job_;
  const TopologyPart& part_;
  Drawing drawing_;
  std::ostream& out_;
  std::vector<Kind> kinds_;
  double most_ = 0, width_ = 0, height_ = 0, legend_ = 0, middle_x_ = 0, middle_y_ = 0;
};

}  // namespace

void write_topology_svg(const TopologyJob& job, const TopologyPart& part, std::ostream& out) {
  Svg(job, part, out).write();
}

}  // namespace rehearse
