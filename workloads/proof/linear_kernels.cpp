// Linear layers, as workloads/layers/linear.cpp has them: whole, or in pieces beside their collectives.
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"
#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

namespace {

struct Piece {
  std::int64_t i = 0, pieces = 1;
};

/// What follows `name` in "NAME", "NAME 2/4"; none: it is another kernel.
std::optional<Piece> piece_of(std::string_view kernel, std::string_view name) {
  if (!kernel.starts_with(name)) return std::nullopt;
  kernel.remove_prefix(name.size());
  if (kernel.empty()) return Piece{};
  const std::size_t slash = kernel.find('/');
  if (kernel.front() != ' ' || slash == std::string_view::npos) return std::nullopt;
  Piece piece;
  const auto number = [](std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (!number(kernel.substr(1, slash - 1), piece.i) || !number(kernel.substr(slash + 1), piece.pieces))
    return std::nullopt;
  --piece.i;
  return piece;
}

class LinearKernel {
 public:
  LinearKernel(const KernelScope& k, const LinearNames& linear) : k_(k), names_(linear) {}

  void forward(const Piece& piece) const {
    if (names_.whole) return k_.write(names_.output, k_.read(names_.input) * weight().transpose());
    if (names_.row_parallel) return give_region(piece, read_rows(names_.input, piece) * weight().transpose());
    Matrix y = region_rows(piece) * weight().transpose();
    if (const Matrix* bias = k_.find_parameter(names_.bias)) y.rowwise() += bias->reshaped().transpose();
    write_rows(names_.output, piece, y);
  }

  void input_gradient(const Piece& piece) const {
    if (names_.whole) return k_.write(names_.input_gradient, k_.read(names_.output_gradient) * weight());
    if (!names_.row_parallel) return give_region(piece, read_rows(names_.output_gradient, piece) * weight());
    const Matrix given = region_rows(piece);
    write_rows(names_.output_gradient, piece, given);
    write_rows(names_.input_gradient, piece, given * weight());
  }

  void weight_gradient() const {
    const RankShape& shape = k_.shape();
    const Matrix& given = k_.read(names_.output_gradient);
    const bool gathered = !names_.row_parallel && !names_.whole && shape.split_tokens;
    const std::int64_t rows = names_.whole ? shape.local_tokens : shape.tokens;
    const Matrix& input = k_.read(gathered ? "gathered input" : names_.input);
    expect_rows(given, rows, names_.output_gradient);
    expect_rows(input, rows, gathered ? "gathered input" : names_.input);
    k_.add_gradient(names_.weight, given.transpose() * input);
    if (!k_.has_parameter(names_.bias)) return;
    // Every rank has the bias of a row-parallel layer, and adds it to its own tokens.
    k_.add_gradient(names_.bias, names_.row_parallel
                                     ? column_sums(given.middleRows(shape.first_own_row(), shape.local_tokens))
                                     : column_sums(given));
  }

 private:
  [[nodiscard]] const Matrix& weight() const { return k_.parameter(names_.weight); }
  [[nodiscard]] Matrix region_rows(const Piece& piece) const {
    const Region& region = k_.frame().region;
    const Matrix& rows = piece.pieces == 1 ? region.whole() : region.part(piece.i);
    expect_rows(rows, k_.shape().tokens / piece.pieces, "what enters a tensor-parallel region");
    return rows;
  }

  void give_region(const Piece& piece, Matrix rows) const {
    piece.pieces == 1 ? k_.frame().region.set(std::move(rows))
                      : k_.frame().region.set_part(piece.i, piece.pieces, std::move(rows));
  }

  [[nodiscard]] Matrix read_rows(std::string_view name, const Piece& piece) const {
    const Matrix& all = k_.read(name);
    expect_rows(all, k_.shape().tokens, name);
    return piece.pieces == 1 ? all : Matrix(all(k_.shape().piece_rows(piece.i, piece.pieces), Eigen::all));
  }

  void write_rows(std::string_view name, const Piece& piece, Matrix rows) const {
    if (piece.pieces == 1) return k_.write(name, std::move(rows));
    const Matrix* before = k_.find(name);
    Matrix all = piece.i > 0 && before != nullptr ? *before : Matrix::Zero(k_.shape().tokens, rows.cols());
    all(k_.shape().piece_rows(piece.i, piece.pieces), Eigen::all) = rows;
    k_.write(name, std::move(all));
  }

  const KernelScope& k_;
  const LinearNames& names_;
};

}  // namespace

bool run_linear_kernel(const KernelScope& k, const LinearNames& linear, std::string_view kernel) {
  const std::string of_input = fmt::format("{} gradient of input", linear.name);
  if (kernel == fmt::format("{} gradient of weight", linear.name)) {
    LinearKernel(k, linear).weight_gradient();
  } else if (const auto input_piece = piece_of(kernel, of_input)) {
    LinearKernel(k, linear).input_gradient(*input_piece);
  } else if (const auto piece = piece_of(kernel, linear.name)) {
    LinearKernel(k, linear).forward(*piece);
  } else {
    return false;
  }
  return true;
}

}  // namespace rehearse
