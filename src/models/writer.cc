// Writing a row by scan; see latent/writer.h.
#include "latent/writer.h"

#include "latent/nn.h"
#include "latent/ops.h"

namespace latent {

Expr write(const Scope& s, const Writer& writer, Expr z, double temperature) {
  At at(s.where());
  const int64_t n = z.dim(0);
  std::vector<Expr> carried = writer.start(s, z);
  const Expr none = zeros(s.graph(), {n});
  carried.push_back(none);      // the number before, as float32
  carried.push_back(none + 1);  // 1 until the row has ended
  const ScanResult r =
      scan(s.graph(), writer.length, carried, {}, [&](const ScanStep& step) -> ScanYield {
        std::vector<Expr> state(step.carries.begin(), step.carries.end() - 2);
        const Expr before = step.carries[step.carries.size() - 2], open = step.carries.back();
        Expr logits = writer.next(s, state, cast(before, DType::i32));
        // The largest of logits plus Gumbel noise is a draw from their softmax.
        if (temperature > 0) {
          const Scope inside = Scope(step.iteration.graph(), false) / (s.path() + "/write");
          const Expr u = max(uniform(inside, logits.shape()), 1e-30);
          logits = logits * (1 / temperature) - log(-log(u));
        }
        const Expr one = cast(argmax(logits), DType::f32) * open;
        state.push_back(one);
        state.push_back(open * (1 - equal(one, 1)) * greater(one, 0));
        return {std::move(state), {one}};
      });
  return transpose(r.outputs[0]);
}

}  // namespace latent
