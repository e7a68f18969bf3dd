// The engine on the shared speed workloads seed-ae, seed-vae, mlp-vae, conv-vae, res-vae, text-vae
// and audio-ae; flags and output as workload.h says.
#include <chrono>
#include <cstdio>
#include <string>

#include "latent/latent.h"
#include "workload.h"

using namespace latent;

namespace {

/// Two strided convolutions to a posterior of 2 units, and back by transposed ones. x [n, 784].
Expr conv_vae(const Scope& s, Expr x) {
  const Scope e = s / "encoder", d = s / "decoder";
  const int64_t n = x.dim(0);
  Expr h = relu(conv2d(e / 0, reshape(x, {n, 28, 28, 1}), 32, 3, {.stride = 2}));
  h = relu(conv2d(e / 1, h, 64, 3, {.stride = 2}));
  h = relu(dense(e / 2, reshape(h, {n, 3136}), 16));
  const Gaussian posterior{dense(e / "mean", h, 2), dense(e / "logvar", h, 2)};
  h = reshape(relu(dense(d / 0, posterior.sample(s / "noise"), 3136)), {n, 7, 7, 64});
  h = relu(conv_transpose2d(d / 1, h, 64, 3, {.stride = 2}));
  h = relu(conv_transpose2d(d / 2, h, 32, 3, {.stride = 2}));
  h = conv_transpose2d(d / 3, h, 1, 3);
  return mean(bernoulli().nll(reshape(h, {n, 784}), x)) + mean(posterior.kl_standard());
}

/// x + f(x), f twice batch norm, relu and a 3x3 convolution.
Expr residual(const Scope& s, Expr x) {
  Expr h = x;
  for (int i = 0; i < 2; ++i)
    h = conv2d(s / "conv" / i, relu(batch_norm(s / "norm" / i, h)), x.dim(-1), 3);
  return x + h;
}

/// Four residual blocks between convolutions of stride 2 to a posterior of 128 units, and back.
/// x [n, 64 * 64 * 3].
Expr res_vae(const Scope& s, Expr x) {
  const Scope e = s / "encoder", d = s / "decoder";
  const int64_t n = x.dim(0), channels[] = {32, 64, 128, 256, 256};
  Expr h = conv2d(e / "first", reshape(x, {n, 64, 64, 3}), channels[0], 3);
  for (int i = 0; i < 4; ++i)
    h = conv2d(e / i, residual(e / "block" / i, h), channels[i + 1], 4, {.stride = 2});
  h = reshape(h, {n, 4096});
  const Gaussian posterior{dense(e / "mean", h, 128), dense(e / "logvar", h, 128)};
  h = reshape(dense(d / "first", posterior.sample(s / "noise"), 4096), {n, 4, 4, 256});
  for (int i = 3; i >= 0; --i)
    h = residual(d / "block" / i, conv_transpose2d(d / i, h, channels[i], 4, {.stride = 2}));
  const Expr y = reshape(conv2d(d / "last", h, 3, 3), x.shape());
  return mean(sum(square(y - x), {1})) + mean(posterior.kl_standard());
}

/// Four convolutions of stride 4 and back. x [n, 16384].
Expr audio_ae(const Scope& s, Expr x) {
  const Scope e = s / "encoder", d = s / "decoder";
  const int64_t n = x.dim(0);
  Expr h = reshape(x, {n, 16384, 1});
  const int64_t channels[] = {16, 32, 64, 128, 64, 32, 16, 16};
  for (int i = 0; i < 4; ++i) {
    h = conv1d(e / i, h, channels[i], 7, {.stride = 4, .padding = Padding{.left = 3, .right = 3}});
    if (i < 3) h = relu(h);
  }
  for (int i = 4; i < 8; ++i)
    h = relu(conv_transpose1d(d / (i - 4), h, channels[i], 8, {.stride = 4}));
  return mean(square(conv1d(d / 4, h, 1, 7) - reshape(x, {n, 16384, 1})));
}

/// A GRU of 256 units reads 64 bytes to a posterior of 32 units; another one, started from the
/// code, says each byte given those before. x [n, 64] holds the bytes.
Expr text_vae(const Scope& s, Expr x) {
  const Scope e = s / "encoder", d = s / "decoder";
  const int64_t n = x.dim(0), length = x.dim(1), units = 256;
  const Expr table = s.param("embedding", {256, 64}, uniform_init(-0.05, 0.05));
  const Expr bytes = reshape(cast(transpose(x), DType::i32), {length * n});  // time first
  const Cell reader(e, "gru", 64, units), writer(d, "gru", 64, units);
  const Expr read = reshape(reader.project_rows(table, bytes), {length, n, 3 * units});
  const Expr h = unroll(reader, read, reader.start(s.graph(), n)).last[0];
  const Gaussian posterior{dense(e / "mean", h, 32), dense(e / "logvar", h, 32)};
  // Before the first byte stands a row of zeros.
  const Expr before = gather(table, slice(bytes, 0, 0, (length - 1) * n));
  const Expr written = reshape(writer.project(pad(before, 0, n, 0)), {length, n, 3 * units});
  const CellState first = writer.start(dense(d / "start", posterior.sample(s / "noise"), units));
  const Expr y = reshape(unroll(writer, written, first).outputs, {length * n, units});
  const Expr nll =
      sum(categorical_nll(dense(d / "out", y, 256), bytes)) * (1.0 / static_cast<double>(n));
  return nll + mean(posterior.kl_standard());
}

Expr loss_of(const std::string& workload, const Scope& s, Expr x) {
  if (workload == "conv-vae") return conv_vae(s, x);
  if (workload == "res-vae") return res_vae(s, x);
  if (workload == "audio-ae") return audio_ae(s, x);
  if (workload == "text-vae") return text_vae(s, x);
  if (workload == "seed-ae") {
    const Autoencoder net{{.inputs = 100, .hidden = {32}, .latent = 100}};
    return net.loss(s, {.x = x}).total;
  }
  if (workload == "seed-vae") {
    const Vae net{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}};
    return net.loss(s, {.x = x}).total;
  }
  const Vae net{{.inputs = 784, .hidden = {400}, .latent = 20}};
  return net.loss(s, {.x = x}).total;
}

void run(bench::Options o) {
  const bench::Rows data = bench::load(o);
  Slots slots(1);
  const auto begin = std::chrono::steady_clock::now();
  PlanFamily plans(slots,
                   [&](Graph& g, int64_t n) {
                     const Scope s(g, true);
                     const Expr loss = loss_of(o.workload, s, g.feed("x", {n, data.width}));
                     minimize(g, loss, Adam{.rate = o.workload == "res-vae" ? 1e-4 : 1e-3});
                     g.fetch("loss", loss);
                   },
                   {.threads = o.threads, .bf16 = o.bf16});
  plans.at(data.batch);
  const double plan_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  if (o.explain) std::fputs(plans.at(data.batch).explain().c_str(), stderr);
  char more[64];
  std::snprintf(more, sizeof more, ", \"plan_ms\": %.1f", plan_ms);
  bench::measure(
      o, "latent", data,
      [&](const int32_t* rows, int64_t n) {
        Plan& plan = plans.at(n);
        data.gather(rows, n, plan.feed("x").data());
        plan.run();
        return plan.scalar("loss");
      },
      more);
  if (o.profile)
    std::fputs(plans.at(data.batch).profile(o.workload == "res-vae" ? 3 : 200).c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, run); }
