// Points of collectives as rows. The first four columns are those of the tables that algorithms are compared in:
// num_nodes is the number of ranks, time in seconds. No field has a comma or a quote.
#include <fmt/format.h>

#include <ostream>

#include "reports/collective_report.hpp"

namespace rehearse {

void write_collective_csv(const CollectiveResult& result, std::ostream& out) {
  out << "algorithm,time,num_nodes,bytes,op,datatype,elements,count,nodes,protocol,channels,chunks,fidelity,start_s,"
         "time_us,algbw_gbps,busbw_gbps,flows"
      << (result.measured() ? ",measured_s,wrong\n" : "\n");
  for (const CollectivePoint& p : result.points) {
    out << fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", p.algorithm, p.time.value(), p.ranks,
                       p.bytes.value(), collective_op_name(p.op), result.job.type.name, p.elements, p.count(), p.nodes,
                       protocol_name(p.protocol), p.channels, p.chunks, p.fluid ? "fluid" : "flow", p.start.value(),
                       p.time.value() * 1e6, p.algbw() / 1e9, p.busbw() / 1e9, p.flows);
    if (p.measured) out << fmt::format(",{},{}", p.measured->time.value(), p.measured->wrong_elements);
    out << "\n";
  }
}

}  // namespace rehearse
