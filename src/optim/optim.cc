// Optimizers as graph code; see latent/optim.h. The order of the nodes is fixed statement by
// statement, because the prebuilt Adam kernel is found by the text of the chain they make.
#include "latent/optim.h"

#include <cmath>
#include <set>

#include "ir/program.h"
#include "latent/ops.h"

namespace latent {

namespace {

/// All gradients times min(1, bound / their common norm).
void clip(std::vector<Expr>& gradients, double bound) {
  Expr total;
  for (const Expr& g : gradients) {
    const Expr s = sum(square(g));
    total = total.valid() ? total + s : s;
  }
  const Expr scale = min(1.0, bound / (sqrt(total) + 1e-12));
  for (Expr& g : gradients) g = g * scale;
}

void update(Graph& graph, const Sgd& sgd, const std::string& name,
            const std::vector<Expr>& parameters, const std::vector<Expr>& gradients) {
  const Expr rate =
      graph.schedule(name + "/rate", name, [r = sgd.rate](int64_t k) { return r(k); });
  for (size_t i = 0; i < parameters.size(); ++i) {
    Expr u = gradients[i];
    if (sgd.momentum != 0) {
      const Scope s = Scope(graph, true) / name / "u";
      const Expr old = s.state(graph.name_of(parameters[i]), parameters[i].shape(), zeros());
      u = sgd.momentum * old + u;
      graph.assign(old, u);
    }
    graph.assign(parameters[i], parameters[i] - rate * u);
  }
}

void update(Graph& graph, const Adam& adam, const std::string& name,
            const std::vector<Expr>& parameters, const std::vector<Expr>& gradients) {
  const Expr a = graph.schedule(name + "/a", name, [r = adam.rate, b = adam.beta1](int64_t k) {
    return r(k) / (1 - std::pow(b, static_cast<double>(k + 1)));
  });
  const Expr c = graph.schedule(name + "/c", name, [b = adam.beta2](int64_t k) {
    return 1 / std::sqrt(1 - std::pow(b, static_cast<double>(k + 1)));
  });
  const Scope s = Scope(graph, true) / name;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Expr w = parameters[i], g = gradients[i];
    const Expr m = (s / "m").state(graph.name_of(w), w.shape(), zeros()),
               v = (s / "v").state(graph.name_of(w), w.shape(), zeros());
    const Expr g_part = (1 - adam.beta1) * g;
    const Expr m_part = adam.beta1 * m;
    const Expr m_new = m_part + g_part;
    const Expr square_part = (1 - adam.beta2) * square(g);
    const Expr v_part = adam.beta2 * v;
    const Expr v_new = v_part + square_part;
    const Expr root = sqrt(v_new) * c + adam.epsilon;
    Expr w_new = w - a * m_new / root;
    if (adam.decay != 0) {
      const Expr shrink =
          graph.schedule(name + "/decay:" + std::to_string(i), name,
                         [r = adam.rate, d = adam.decay](int64_t k) { return r(k) * d; });
      w_new = w_new - shrink * w;
    }
    graph.assign(m, m_new);
    graph.assign(v, v_new);
    graph.assign(w, w_new);
  }
}

}  // namespace

void minimize(Graph& graph, const std::vector<Objective>& objectives) {
  bool moved = objectives.empty();
  for (const Objective& o : objectives) {
    std::set<uint32_t> frozen;
    for (const std::string& scope : o.frozen) {
      for (const Expr& slot : graph.slots(scope)) frozen.insert(slot.id());
    }
    std::vector<Expr> parameters = graph.slots(o.prefix);
    std::erase_if(parameters,
                  [&](const Expr& slot) { return !graph.program().slot_of(slot.id())->trainable; });
    if (parameters.empty())
      throw UsageError("minimize: there are no parameters under \"" + o.prefix + "\"");
    std::erase_if(parameters, [&](const Expr& slot) { return frozen.count(slot.id()) > 0; });
    if (parameters.empty()) continue;
    moved = true;
    std::vector<Expr> gradients = grad(o.loss, parameters);
    if (o.clip_norm > 0) clip(gradients, o.clip_norm);
    std::visit(
        [&](const auto& optimizer) { update(graph, optimizer, o.name, parameters, gradients); },
        o.optimizer);
  }
  if (!moved) throw UsageError("minimize: all parameters are frozen; nothing can be trained");
}

void minimize(Graph& graph, Expr loss, const Optimizer& optimizer, double clip_norm) {
  minimize(graph, {{.loss = loss, .prefix = "", .optimizer = optimizer, .clip_norm = clip_norm}});
}

}  // namespace latent
