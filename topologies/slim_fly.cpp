// slim_fly: routers of which any two are at most two cables apart, near the fewest ports that this takes.
//
//   topology: slim_fly
//   q: 5                     a prime power q = 4 w + d with d = -1, 0 or 1; default: the smallest that holds the
//                            endpoints
//   endpoints_per_router: 4  p; default: ceil(k / 2) of the k cables to other routers
//   bandwidth: [25 GB/s, 50 GB/s, 50 GB/s]   of a cable, one direction, or a list for "port", "local", "global";
//                            default: the endpoint's port
//   latency: 500 ns          likewise
//
// Besta and Hoefler, "Slim Fly: A Cost Effective Low-Diameter Network Topology", SC 2014, on the graphs of McKay,
// Miller and Siran, J. Combinatorial Theory B 74, 1998. Routers are (0, x, y) and (1, m, c) over the field of q
// elements, with a primitive element z and two sets of its powers, X and X':
//   (0, x, y) and (0, x, y') are joined where y - y' is in X, (1, m, c) and (1, m, c') where c - c' is in X' ("local");
//   (0, x, y) and (1, m, c) where y = m x + c ("global").
//   d = 1 or 0:  X has the even powers, X' the odd ones, up to q - 2 (d = 0: X' up to q - 1)
//   d = -1:      X = 1, z^2, ..., z^(2w-2), z^(2w-1), z^(2w+1), ..., z^(4w-3), and X' = z X
// Router number = x q + y, and q^2 + m q + c; endpoint e hangs on router floor(e / p). All routers are there, also
// where the last have no endpoints.
//
// 2 q^2 routers with k = (3 q - d) / 2 cables to others, q^2 k in all; q^2 (q - d) / 2 of them local. n = 2 q^2 p
// endpoints: diameter 4, ports included; p - 1 at distance 2, k p at 3, the rest at 4. The lower half of the endpoints
// is on the routers (0, x, y) and has, for p <= q, the whole bandwidth of its ports to the upper half.
#include <algorithm>

#include "topologies/parameters.hpp"

namespace rehearse {
namespace {

// The field of q elements as polynomials over the integers modulo a prime, coded as digits in that base.
class Field {
 public:
  // q must be a power of the prime.
  Field(std::uint32_t q, std::uint32_t prime) : q_(q), prime_(prime), logarithms_(q, 0) {
    // Try polynomials until the powers of x modulo one run through all elements but zero.
    for (std::uint32_t modulus = 1; powers_.size() != q - 1; ++modulus) set_powers(modulus);
    for (std::uint32_t i = 0; i + 1 < q; ++i) logarithms_[powers_[i]] = i;
  }
  [[nodiscard]] std::uint32_t power(std::uint32_t exponent) const { return powers_[exponent % (q_ - 1)]; }
  // a + times * b
  [[nodiscard]] std::uint32_t add(std::uint32_t a, std::uint32_t b, std::uint32_t times = 1) const {
    std::uint32_t sum = 0;
    for (std::uint32_t place = 1; place < q_; place *= prime_)
      sum += (a / place % prime_ + times * (b / place % prime_)) % prime_ * place;
    return sum;
  }
  [[nodiscard]] std::uint32_t multiply(std::uint32_t a, std::uint32_t b) const {
    return a == 0 || b == 0 ? 0 : power(logarithms_[a] + logarithms_[b]);
  }

 private:
  // Of x, modulo x^m minus the polynomial `modulus`, until they repeat.
  void set_powers(std::uint32_t modulus) {
    const std::uint32_t top = q_ / prime_;  // the place of the highest digit
    powers_.assign(1, 1);
    for (std::uint32_t at = next(1, top, modulus); at > 1 && powers_.size() < q_; at = next(at, top, modulus))
      powers_.push_back(at);
  }
  [[nodiscard]] std::uint32_t next(std::uint32_t at, std::uint32_t top, std::uint32_t modulus) const {
    return add(at % top * prime_, modulus, at / top);
  }

  std::uint32_t q_, prime_;
  std::vector<std::uint32_t> powers_, logarithms_;
};

// The prime of which q is a power; 0 where it is of none.
std::uint64_t prime_of(std::uint64_t q) {
  if (q < 2) return 0;
  std::uint64_t prime = 2;
  while (prime * prime <= q && q % prime != 0) ++prime;
  if (q % prime != 0) return q;
  while (q % prime == 0) q /= prime;
  return q == 1 ? prime : 0;
}

bool has_graph(std::uint64_t q) { return q > 2 && q % 4 != 2 && prime_of(q) > 0; }

// d; k = (3 q - d) / 2
std::int64_t delta(std::uint64_t q) { return q % 4 == 3 ? -1 : static_cast<std::int64_t>(q % 4); }
std::uint64_t degree(std::uint64_t q) { return (3 * q - static_cast<std::uint64_t>(delta(q))) / 2; }

std::uint64_t endpoints_each(std::uint64_t q, std::uint64_t given) { return given > 0 ? given : (degree(q) + 1) / 2; }

std::uint64_t smallest_q(std::uint32_t endpoints, std::uint64_t given) {
  std::uint64_t q = 3;
  while (!has_graph(q) || 2 * q * q * endpoints_each(q, given) < endpoints) ++q;
  return q;
}

// Differences of joined routers: X, or X' for `odd` = 1.
std::vector<std::uint32_t> generators(const Field& field, std::uint32_t q, std::uint32_t odd) {
  std::vector<std::uint32_t> set;
  const std::uint32_t evens = delta(q) == -1 ? (q + 1) / 4 : q / 2;
  for (std::uint32_t i = 0; i < evens; ++i) set.push_back(field.power(2 * i + odd));
  if (delta(q) == -1)
    for (std::uint32_t i = 0; i < evens; ++i) set.push_back(field.power(2 * evens - 1 + 2 * i + odd));
  return set;
}

void add_routers(Topology& topology, std::uint32_t first, std::uint32_t q, const TopologyLink& local,
                 const TopologyLink& global) {
  const Field field(q, static_cast<std::uint32_t>(prime_of(q)));
  for (std::uint32_t half = 0; half < 2; ++half) {
    const std::vector<std::uint32_t> differences = generators(field, q, half);
    for (std::uint32_t base = first + half * q * q; base < first + (half + 1) * q * q; base += q)
      for (std::uint32_t y = 0; y < q; ++y)
        for (const std::uint32_t difference : differences)
          if (const std::uint32_t other = field.add(y, difference); y < other)
            add_cable(topology, base + y, base + other, local);
  }
  for (std::uint32_t x = 0; x < q; ++x)
    for (std::uint32_t m = 0; m < q; ++m)
      for (std::uint32_t c = 0; c < q; ++c)
        add_cable(topology, first + x * q + field.add(field.multiply(m, x), c), first + q * q + m * q + c, global);
}

void check_q(Reader& params, std::uint64_t q, std::uint64_t given, std::uint32_t endpoints) {
  if (!has_graph(q)) {
    std::uint64_t below = q > 3 ? q - 1 : 3, above = q + 1;
    while (!has_graph(below)) --below;
    while (!has_graph(above)) ++above;
    params.fault("q", "expected a prime power that is 4 w - 1, 4 w or 4 w + 1, found " + std::to_string(q) +
                          "; the nearest are " + std::to_string(below) + " and " + std::to_string(above));
  } else if (const std::uint64_t most = 2 * q * q * endpoints_each(q, given); most < endpoints) {
    params.fault("q", "2 q^2 = " + std::to_string(2 * q * q) + " routers hold " + std::to_string(most) +
                          " endpoints, but " + std::to_string(endpoints) + " are to be attached; the smallest q is " +
                          std::to_string(smallest_q(endpoints, given)));
  }
}

}  // namespace

Topology build_slim_fly(const TopologyRequest& request, Reader& params) {
  const std::vector<TopologyLink> links = read_links(params, {"port", "local", "global"}, request);
  const std::uint64_t given = params.has("endpoints_per_router") ? read_count(params, "endpoints_per_router", 1) : 0;
  params.child("endpoints_per_router");  // a known key
  const std::uint64_t q = params.has("q") ? read_count(params, "q", 3) : smallest_q(request.endpoints, given);
  params.child("q");
  check_q(params, q, given, request.endpoints);
  if (params.any_fault() || !check_cables(params, request.endpoints + static_cast<double>(q * q * degree(q))))
    return {};
  const auto size = static_cast<std::uint32_t>(q);
  Topology topology;
  add_endpoints(topology, request.endpoints);
  const std::uint32_t first = add_switches(topology, 2 * size * size, "router", 2 * size * size);
  attach_endpoints(topology, first, static_cast<std::uint32_t>(endpoints_each(q, given)), links[0]);
  add_routers(topology, first, size, links[1], links[2]);
  return topology;
}

}  // namespace rehearse
