// Builds, plans and runs a graph with nothing but the installed headers and library.
#include <latent/ops.h>
#include <latent/plan.h>

#include <cstdio>

int main() {
  latent::Graph graph;
  const latent::Expr x = graph.feed("x", {2, 3});
  graph.fetch("y", latent::sum(x * 2));
  latent::Slots slots;
  latent::Plan plan(graph, slots, {.threads = 1});
  for (float& v : plan.feed("x")) v = 1;
  plan.run();
  std::printf("%g\n", plan.scalar("y"));
  return plan.scalar("y") == 12 ? 0 : 1;
}
