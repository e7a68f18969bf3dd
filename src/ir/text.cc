// Printer and parser of programs; see text.h.
#include "ir/text.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "ir/op.h"

namespace latent::ir {

namespace {

std::string print_real(double v) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  std::string s(buffer, end);
  if (s.find_first_of(".einf") == std::string::npos) s += ".0";
  return s;
}

std::string print_attr(const Attr& a) {
  if (const auto* i = std::get_if<int64_t>(&a)) return std::to_string(*i);
  if (const auto* d = std::get_if<double>(&a)) return print_real(*d);
  if (const auto* s = std::get_if<std::string>(&a)) return "\"" + *s + "\"";
  std::string s = "[";
  for (int64_t v : std::get<Ints>(a)) s += (s.size() > 1 ? "," : "") + std::to_string(v);
  return s + "]";
}

void print_into(const Program& p, const std::string& indent, std::string& out) {
  for (size_t i = 0; i < p.nodes.size(); ++i) {
    const Node& n = p.nodes[i];
    out += indent + "%" + std::to_string(i) + " = " + n.op->name + "(";
    for (size_t k = 0; k < n.in.size(); ++k) out += (k ? ", %" : "%") + std::to_string(n.in[k]);
    out += ")";
    const char* before = " {";
    for (const auto& [key, value] : n.attrs.list()) {
      out += before + key + "=" + print_attr(value);
      before = ", ";
    }
    if (!n.attrs.list().empty()) out += "}";
    out += std::string(" : ") + name_of(n.dtype) + n.shape.text();
    if (n.body) {
      out += " body {\n";
      print_into(n.body->program(), indent + "  ", out);
      out += indent + "}";
    }
    out += "\n";
  }
  for (const Commit& c : p.commits) {
    out += indent + "assign " + *p.nodes[c.slot].name() + " = %" + std::to_string(c.value) + "\n";
  }
  for (const Fetch& f : p.fetches)
    out += indent + "fetch " + f.name + " = %" + std::to_string(f.node) + "\n";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::unique_ptr<Graph> program(bool inner) {
    auto g = std::make_unique<Graph>();
    for (;;) {
      skip();
      if (at_ == text_.size()) {
        if (inner) fail("a body is not closed");
        return g;
      }
      if (inner && take('}')) return g;
      if (peek() == '%') {
        node(*g);
      } else {
        const std::string word = name();
        if (word != "assign" && word != "fetch")
          fail("expected %, assign or fetch, found \"" + word + "\"");
        const std::string target = name();
        expect('=');
        const Expr e = reference(*g);
        if (word == "fetch") {
          g->fetch(target, e);
          continue;
        }
        const std::vector<SlotInfo>& slots = g->program().slots;
        const auto slot = std::ranges::find(slots, target, &SlotInfo::name);
        if (slot == slots.end()) fail("no slot is called " + target);
        g->assign({g.get(), slot->node}, e);
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    const auto line =
        1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_), '\n');
    throw UsageError("graph text, line " + std::to_string(line) + ": " + message);
  }
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'");
  }
  /// Letters, digits and `others`.
  std::string word(std::string_view others) {
    skip();
    const size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  others.find(text_[at_]) != others.npos))
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string name() {
    std::string s = word("_/-.:");
    if (s.empty()) fail("expected a name");
    return s;
  }
  template <class T>
  T number(const char* what) {
    const std::string s = word("+-.");
    T v = 0;
    const auto r = std::from_chars(s.data(), s.data() + s.size(), v);
    if (s.empty() || r.ec != std::errc() || r.ptr != s.data() + s.size())
      fail("expected a " + std::string(what) + ", found \"" + s + "\"");
    return v;
  }
  int64_t integer() { return number<int64_t>("whole number"); }
  /// Calls item() at each entry of a list with commas.
  template <class Item>
  void list(char open, char close, Item item) {
    expect(open);
    for (bool first = true; !take(close); first = false) {
      if (!first) expect(',');
      item();
    }
  }
  Ints ints() {
    Ints v;
    list('[', ']', [&] { v.push_back(integer()); });
    return v;
  }
  Expr reference(Graph& g) {
    expect('%');
    const int64_t id = integer();
    if (id < 0 || id >= static_cast<int64_t>(g.program().nodes.size()))
      fail("%" + std::to_string(id) + " is not defined above");
    return {&g, static_cast<NodeId>(id)};
  }
  Attr attr(AttrKind kind) {
    switch (kind) {
      case AttrKind::integer:
        return integer();
      case AttrKind::real:
        return number<double>("number");
      case AttrKind::ints:
        return ints();
      case AttrKind::word:
        break;
    }
    expect('"');
    const size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) fail("a string is not closed");
    std::string s(text_.substr(at_, end - at_));
    at_ = end + 1;
    return s;
  }
  void node(Graph& g) {
    expect('%');
    if (integer() != static_cast<int64_t>(g.program().nodes.size()))
      fail("nodes are numbered from %0 without a gap");
    expect('=');
    const std::string op_name = name();
    const Op* op = find_op_or_null(op_name);
    if (!op) fail("no op is called \"" + op_name + "\"");
    std::vector<Expr> in;
    list('(', ')', [&] { in.push_back(reference(g)); });
    Attrs attrs;
    const auto read_attr = [&] {
      const std::string key = name();
      expect('=');
      const auto spec = std::ranges::find(op->attrs, key, &AttrSpec::name);
      if (spec == op->attrs.end()) fail(op_name + " has no attribute " + key);
      attrs.set(key, attr(spec->kind));
    };
    if (peek() == '{') list('{', '}', read_attr);
    for (const AttrSpec& s : op->attrs) {
      if (!attrs.find(s.name)) fail(op_name + " needs the attribute " + s.name);
    }
    expect(':');
    const DType dtype = dtype_named(word(""));
    const Shape told = shape_of(ints());
    std::shared_ptr<Graph> body;
    if (peek() == 'b') {
      if (name() != "body") fail("expected body");
      expect('{');
      body = program(true);
    }
    Expr e;
    if (op_name == "slot") {
      e = g.slot(attrs.word("name"), told, zeros(), dtype, {"", static_cast<int>(at_)});
    } else {
      e = apply(g, *op, in, std::move(attrs), {}, body);
    }
    if (!(e.shape() == told) || e.dtype() != dtype) {
      fail(op_name + " gives " + name_of(e.dtype()) + e.shape().text() + ", the text says " +
           name_of(dtype) + told.text());
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string print(const Program& program) {
  std::string out;
  print_into(program, "", out);
  return out;
}

std::unique_ptr<Graph> parse(std::string_view text) { return Parser(text).program(false); }

}  // namespace latent::ir
