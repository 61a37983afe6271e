#include "workloads/model.hpp"

#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

namespace {

/// What every sequence of layers has in common. After a fault there may be no layer; one without work stands for them.
void complete_sequence(Model& m) {
  if (m.sequence.empty()) m.sequence.emplace_back();
  m.layers = std::ssize(m.sequence);
  m.seq_len = 1;
}

/// The row that `kind` names; none after a fault.
const ModelKindRow* read_kind(Reader& reader) {
  const Table<ModelKindRow>& kinds = model_kind_table();
  reader.child("kind");  // a known key
  if (!reader.has("kind")) return kinds.find(transformer_kind.name);
  return kinds.find(reader.get_name("kind", kinds.what(), kinds.names()));
}

}  // namespace

Model read_model(Reader& reader) {
  Model m;
  m.name = reader.get<std::string>("name", "custom");
  reader.get<std::string>("description", "");
  if (const ModelKindRow* row = read_kind(reader)) {
    m.kind = row->name;
    row->read(reader, m);
  } else {
    m.kind.clear();
    reader.mark_read();  // which keys it takes is not known
  }
  if (m.kind != transformer_kind.name) complete_sequence(m);
  return m;
}

Value to_value(const Model& m) {
  Value out;
  out["name"] = scalar_value(m.name);
  out["kind"] = scalar_value(m.kind);
  if (m.is_transformer())
    put_transformer(m, out);
  else
    for (std::size_t i = 0; i < m.shape.keys.size(); ++i) out[m.shape.keys[i]] = m.shape.items[i];
  return out;
}

}  // namespace rehearse
