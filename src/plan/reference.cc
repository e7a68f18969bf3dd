// The double reference: walks a program node by node with each op's own plain loop. Apart from the
// passes and the kernels, so that they can be tested against it.
#include <cmath>
#include <map>
#include <set>

#include "base/near.h"
#include "ir/op.h"
#include "latent/plan.h"
#include "ops/family.h"

namespace latent {

namespace {

using ir::NodeId;
using ir::RefTensor;

/// Values of every node of a level.
std::vector<RefTensor> evaluate(const ir::Program& p,
                                const std::map<std::string, std::vector<double>>& given,
                                const kernels::RunState& state);

/// All results of a scan: final carries, then stacked outputs.
std::vector<std::vector<double>> run_scan(const ir::Node& n, const std::vector<RefTensor>& value,
                                          kernels::RunState state) {
  const auto carries = static_cast<size_t>(n.attrs.integer("carries")),
             inputs = static_cast<size_t>(n.attrs.integer("inputs"));
  const auto length = static_cast<size_t>(n.attrs.integer("length"));
  std::map<std::string, std::vector<double>> given;
  for (size_t k = 0; k < n.in.size(); ++k) {
    if (k < carries || k >= carries + inputs)
      given[ops::operand_name(k, carries, inputs)] = value[n.in[k]].v;
  }
  const ir::Program& body = n.body->program();
  std::map<std::string, std::vector<double>> outputs;
  for (size_t t = 0; t < length; ++t) {
    const size_t i = n.attrs.integer("reverse") ? length - 1 - t : t;
    for (size_t k = 0; k < inputs; ++k) {
      const std::vector<double>& all = value[n.in[carries + k]].v;
      const auto size = static_cast<ptrdiff_t>(all.size() / length);
      given[ops::operand_name(carries + k, carries, inputs)].assign(
          all.begin() + static_cast<ptrdiff_t>(i) * size,
          all.begin() + static_cast<ptrdiff_t>(i + 1) * size);
    }
    state.iteration = static_cast<int64_t>(i);
    const std::vector<RefTensor> v = evaluate(body, given, state);
    for (const ir::Fetch& f : body.fetches) {
      const std::vector<double>& x = v[f.node].v;
      if (f.name.starts_with("carry")) {
        given[f.name] = x;
      } else {
        std::vector<double>& all = outputs[f.name];
        all.resize(x.size() * length);
        std::copy(x.begin(), x.end(), all.begin() + static_cast<ptrdiff_t>(i * x.size()));
      }
    }
  }
  std::vector<std::vector<double>> result;
  for (size_t k = 0; k < carries; ++k)
    result.push_back(given[ops::operand_name(k, carries, inputs)]);
  for (size_t k = 0; k < outputs.size(); ++k)
    result.push_back(outputs.at("output:" + std::to_string(k)));
  return result;
}

std::vector<RefTensor> evaluate(const ir::Program& p,
                                const std::map<std::string, std::vector<double>>& given,
                                const kernels::RunState& state) {
  std::vector<RefTensor> value(p.nodes.size());
  std::map<NodeId, std::vector<std::vector<double>>> scans;
  for (NodeId i = 0; i < p.nodes.size(); ++i) {
    const ir::Node& n = p.nodes[i];
    RefTensor& out = value[i];
    out.shape = n.shape;
    out.v.assign(static_cast<size_t>(n.shape.elements()), 0.0);
    if (n.op->kind == ir::Kind::source) {
      const std::string* name = n.name();
      if (!name) {
        out.v[0] = n.attrs.real("value");
      } else if (const auto found = given.find(*name); found != given.end()) {
        out.v = found->second;
      } else if (name->starts_with("row:")) {
        for (size_t k = 0; k < out.v.size(); ++k) out.v[k] = static_cast<double>(k);
      }
    } else if (n.body) {
      scans[i] = run_scan(n, value, state);
    } else if (n.op->kind == ir::Kind::control) {
      out.v = scans.at(n.in[0])[static_cast<size_t>(n.attrs.integer("index"))];
    } else if (const auto* scalar = std::get_if<ir::ScalarReference>(&n.op->reference)) {
      double x[3] = {};
      for (size_t k = 0; k < out.v.size(); ++k) {
        for (size_t a = 0; a < n.in.size(); ++a) x[a] = value[n.in[a]].v[k];
        out.v[k] = (*scalar)(x);
      }
    } else {
      std::vector<const RefTensor*> in;
      for (NodeId a : n.in) in.push_back(&value[a]);
      std::get<ir::TensorReference>(n.op->reference)({n, in, out, state});
    }
  }
  return value;
}

}  // namespace

struct Reference::Impl {
  ir::Program program;
  kernels::RunState state;
  std::map<std::string, int64_t> counters;
  std::map<std::string, std::vector<double>> given;
  std::map<std::string, std::vector<double>> fetched;
};

Reference::Reference(const Graph& graph, uint64_t seed) : impl_(std::make_unique<Impl>()) {
  impl_->program = graph.program();
  impl_->state.seed = seed;
}
Reference::~Reference() = default;

void Reference::set(const std::string& name, std::vector<double> values) {
  std::vector<std::string> names;
  for (const ir::Node& n : impl_->program.nodes) {
    if (!n.name()) continue;
    names.push_back(*n.name());
    if (names.back() != name) continue;
    if (values.size() != static_cast<size_t>(n.shape.elements())) {
      throw UsageError("\"" + name + "\" is " + n.shape.text() + ", got " +
                       std::to_string(values.size()) + " values");
    }
    impl_->given[name] = std::move(values);
    return;
  }
  throw UsageError("no feed or slot is called \"" + name + "\"" + did_you_mean(name, names));
}
std::vector<double> Reference::get(const std::string& slot) const {
  return entry_named(impl_->given, "slot", slot);
}
int64_t& Reference::counter(const std::string& name) { return impl_->counters[name]; }

void Reference::run() {
  const ir::Program& p = impl_->program;
  std::set<std::string> counters{"step"};
  for (const ir::Schedule& s : p.schedules) {
    impl_->given[p.nodes[s.node].attrs.word("name")] = {s.value(counter(s.counter))};
    counters.insert(s.counter);
  }
  impl_->state.step = counter("step");
  const std::vector<RefTensor> value = evaluate(p, impl_->given, impl_->state);
  for (const ir::Fetch& f : p.fetches) impl_->fetched[f.name] = value[f.node].v;
  for (const ir::Commit& c : p.commits)
    impl_->given[p.nodes[c.slot].attrs.word("name")] = value[c.value].v;
  if (p.commits.empty()) return;
  for (const std::string& name : counters) ++counter(name);
}

std::vector<double> Reference::fetch(const std::string& name) const {
  return entry_named(impl_->fetched, "fetch", name);
}

}  // namespace latent
