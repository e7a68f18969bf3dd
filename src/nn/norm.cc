// Normalizations as compositions; see latent/nn.h.
#include "latent/nn.h"

namespace latent {

namespace {

/// Of x: its deviation from the mean over axes, and the mean of its square.
struct Moments {
  Expr mean, deviation, variance;
};
Moments moments(Expr x, const Axes& axes, bool keep) {
  const Expr m = mean(x, axes, keep);
  const Expr d = x - m;
  return {m, d, mean(square(d), axes, keep)};
}

Expr inverse_root(Expr variance, double epsilon) { return reciprocal(sqrt(variance + epsilon)); }

/// x with path/weight and path/bias over its last axis.
Expr affine(const Scope& s, Expr x, bool wanted) {
  if (!wanted) return x;
  const int64_t c = x.dim(-1);
  return x * s.param("weight", {c}, constant_init(1)) + s.param("bias", {c}, zeros());
}

Expr checked(const char* name, const Scope& s, const Arg& x, int rank, double epsilon) {
  const Expr e = x.expr();
  if (e.shape().rank() < rank) {
    throw UsageError(std::string(name) + ": needs at least " + std::to_string(rank) +
                         " axes, found " + e.shape().text(),
                     s.where());
  }
  if (!(epsilon > 0)) {
    throw UsageError(
        std::string(name) + ": epsilon must be above 0, found " + std::to_string(epsilon),
        s.where());
  }
  return e;
}

}  // namespace

Expr batch_norm(const Scope& s, Arg x, const BatchNormOptions& o) {
  At at(s.where().line ? s.where() : x.where());
  const Expr e = checked("batch_norm", s, x, 2, o.epsilon);
  if (!(o.momentum >= 0 && o.momentum <= 1)) {
    throw UsageError("batch_norm: momentum is between 0 and 1, found " + std::to_string(o.momentum),
                     s.where());
  }
  const int64_t c = e.dim(-1), rows = e.shape().elements() / std::max<int64_t>(1, c);
  const Expr running_mean = s.state("running_mean", {c}, zeros()),
             running_variance = s.state("running_variance", {c}, constant_init(1));
  const Expr weight = o.affine ? s.param("weight", {c}, constant_init(1)) : Expr{};
  // The factor of a channel is worked out once, not once an element.
  const auto scaled = [&](Expr deviation, Expr variance) {
    const Expr factor = inverse_root(variance, o.epsilon);
    if (!o.affine) return deviation * factor;
    return deviation * (factor * weight) + s.param("bias", {c}, zeros());
  };
  if (!s.training()) return scaled(e - running_mean, running_variance);
  if (rows < 2) {
    throw UsageError(
        "batch_norm: training needs at least two values a channel, found " + e.shape().text(),
        s.where());
  }
  Axes others;
  for (int i = 0; i + 1 < e.shape().rank(); ++i) others.push_back(i);
  const Moments m = moments(e, others, false);
  const double unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
  Graph& g = s.graph();
  if (g.updated(running_mean) == running_mean) {
    g.assign(running_mean, running_mean * o.momentum + m.mean * (1 - o.momentum));
    g.assign(running_variance,
             running_variance * o.momentum + m.variance * (unbiased * (1 - o.momentum)));
  }
  return scaled(m.deviation, m.variance);
}

Expr layer_norm(const Scope& s, Arg x, const NormOptions& o) {
  At at(s.where().line ? s.where() : x.where());
  const Moments m = moments(checked("layer_norm", s, x, 1, o.epsilon), {-1}, true);
  return affine(s, m.deviation * inverse_root(m.variance, o.epsilon), o.affine);
}

Expr group_norm(const Scope& s, Arg x, int64_t groups, const NormOptions& o) {
  At at(s.where().line ? s.where() : x.where());
  const Expr e = checked("group_norm", s, x, 2, o.epsilon);
  const int64_t n = e.dim(0), c = e.dim(-1);
  if (groups < 1 || c % groups) {
    throw UsageError("group_norm: " + std::to_string(c) + " channels do not fall into " +
                         std::to_string(groups) + " groups",
                     s.where());
  }
  const int64_t places = e.shape().elements() / std::max<int64_t>(1, n * c);
  const Moments m = moments(reshape(e, {n, places, groups, c / groups}), {1, 3}, true);
  const Expr y = m.deviation * inverse_root(m.variance, o.epsilon);
  return affine(s, reshape(y, e.shape()), o.affine);
}

Expr instance_norm(const Scope& s, Arg x, const NormOptions& o) {
  At at(s.where().line ? s.where() : x.where());
  return group_norm(s, x, checked("instance_norm", s, x, 3, o.epsilon).dim(-1), o);
}

}  // namespace latent
