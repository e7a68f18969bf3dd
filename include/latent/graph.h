// Graph and Expr: what a model is written with. Every operation on an Expr adds a node to its
// Graph; nothing is computed until the graph is compiled to a Plan (latent/plan.h). Shapes and
// element types are fixed when a node is made, so an operation that cannot work throws a UsageError
// that names the user's line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "latent/error.h"
#include "latent/tensor.h"

namespace latent {

class Graph;
namespace ir {
struct Program;
}

/// A handle on one node of a graph: 16 bytes, copied freely. It has a shape and a type but no
/// value.
class LATENT_API Expr {
 public:
  Expr() = default;
  Expr(Graph* graph, uint32_t id) : graph_(graph), id_(id) {}
  bool valid() const { return graph_ != nullptr; }
  Graph& graph() const;  ///< Throws UsageError on an empty Expr.
  uint32_t id() const { return id_; }
  const Shape& shape() const;
  DType dtype() const;
  int64_t dim(int axis) const;  ///< Extent of an axis; -1 is the last.
  bool operator==(const Expr& o) const = default;

 private:
  Graph* graph_ = nullptr;
  uint32_t id_ = 0;
};

/// What operations take: an Expr or a number, with the line that wrote it.
class LATENT_API Arg {
 public:
  Arg(Expr e, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : expr_(e), where_{file, line} {}
  template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
  Arg(T value, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : value_(static_cast<double>(value)), where_{file, line} {}
  bool is_number() const { return !expr_.valid(); }
  double number() const { return value_; }
  const Expr& expr() const { return expr_; }
  Where where() const { return where_; }

 private:
  Expr expr_;
  double value_ = 0;
  Where where_;
};

/// How a new slot is filled. `fill` gets the tensor, the seed of the run and the hash of the slot's
/// name.
struct Init {
  std::string name;
  std::function<void(Tensor& tensor, uint64_t seed, uint64_t stream)> fill;
};
LATENT_API Init zeros();
LATENT_API Init constant_init(double value);
LATENT_API Init uniform_init(double low, double high);
LATENT_API Init normal_init(double mean, double stddev);

/// A traced computation: feeds, slots, operations, and what is fetched and assigned.
class LATENT_API Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// A value given before each run. A name is used once.
  Expr feed(const std::string& name, Shape shape, DType dtype = DType::f32,
            Where where = Where::here());
  /// A scalar computed on the host, in double, before each run, from the value of a counter
  /// (Slots::counter): a learning rate, a warm-up. The plan adds 1 to each counter that it uses
  /// when it assigns slots.
  Expr schedule(const std::string& name, const std::string& counter,
                std::function<double(int64_t)> value, Where where = Where::here());
  /// Persistent state, float32 unless said otherwise. The same name at the same line is the same
  /// slot; elsewhere it is an error.
  Expr slot(const std::string& name, Shape shape, Init init, DType dtype = DType::f32,
            Where where = Where::here());

  /// Commits `value` to `slot` at the end of a run; once a slot.
  void assign(Expr slot, Arg value);
  /// The value that `slot` will have after this run: what was assigned, or the slot itself.
  Expr updated(Expr slot) const;
  /// Makes a value readable after a run under `name`.
  void fetch(const std::string& name, Arg value);

  /// All slots whose name is `prefix` or starts with `prefix` + "/"; every slot for "". In order of
  /// declaration.
  std::vector<Expr> slots(const std::string& prefix) const;
  std::string name_of(Expr feed_or_slot) const;

  /// The graph as text, one node a line; parse() is its inverse (schedules and initial values have
  /// no text).
  std::string text() const;
  static std::unique_ptr<Graph> parse(std::string_view text);

  ir::Program& program() { return *program_; }
  const ir::Program& program() const { return *program_; }

 private:
  std::unique_ptr<ir::Program> program_;
};

/// Nodes made while an `At` lives name its place, not the library's line that made them.
class LATENT_API At {
 public:
  explicit At(Where where);
  ~At();
  At(const At&) = delete;
  At& operator=(const At&) = delete;

 private:
  Where before_;
};

/// A place in a model: the graph, the path that names parameters, and whether this is a training
/// trace.
class LATENT_API Scope {
 public:
  Scope(Graph& graph, bool training) : graph_(&graph), training_(training) {}

  /// Part of a path, with the line that wrote it.
  struct Name {
    std::string text;
    Where where;
    Name(const char* t, const char* file = __builtin_FILE(), int line = __builtin_LINE())
        : text(t), where{file, line} {}
    Name(std::string t, const char* file = __builtin_FILE(), int line = __builtin_LINE())
        : text(std::move(t)), where{file, line} {}
    Name(int index, const char* file = __builtin_FILE(), int line = __builtin_LINE())
        : text(std::to_string(index)), where{file, line} {}
  };
  /// The scope below: `s / "encoder" / 0`.
  Scope operator/(const Name& name) const;

  Graph& graph() const { return *graph_; }
  bool training() const { return training_; }
  const std::string& path() const { return path_; }
  Where where() const { return where_; }

  /// A trainable parameter named path/name.
  Expr param(const std::string& name, Shape shape, const Init& init) const;
  /// State that no optimizer touches (running means, codebooks by moving average), named path/name.
  Expr state(const std::string& name, Shape shape, const Init& init) const;
  Expr feed(const std::string& name, Shape shape, DType dtype = DType::f32,
            Where where = Where::here()) const {
    return graph_->feed(name, shape, dtype, where);
  }

 private:
  Graph* graph_;
  bool training_;
  std::string path_;
  Where where_;
};

}  // namespace latent
