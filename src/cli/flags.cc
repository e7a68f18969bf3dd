// Flags by CLI11; see flags.h.
#include "cli/flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "base/near.h"
#include "latent/error.h"

namespace latent::cli {

struct Flags::Impl {
  CLI::App app;
  std::vector<FlagText> texts;
  std::vector<std::function<void()>> after;

  void note(const char* kind, const std::string& names, const std::string& help,
            const std::string& initial, const std::vector<std::string>& choices = {}) {
    std::string spaced = names;
    if (const size_t comma = spaced.find(','); comma != spaced.npos) spaced.insert(comma + 1, " ");
    texts.push_back({spaced, kind, help, initial.empty() ? "none" : initial, false, choices});
  }
};

Flags::Flags() : impl_(std::make_unique<Impl>()) {
  impl_->app.set_help_flag("-h,--help", "");
  impl_->texts.push_back({"-h, --help", "", "show this", "", false});
}
Flags::~Flags() = default;

const std::vector<FlagText>& Flags::texts() const { return impl_->texts; }

void Flags::argument(const char* kind, std::string& value, const std::string& help, bool required) {
  impl_->app.add_option(kind, value)->required(required);
  impl_->texts.push_back({"", kind, help, "", required});
}

void Flags::arguments(const char* kind, std::vector<std::string>& values, const std::string& help) {
  impl_->app.add_option(kind, values)->required();
  impl_->texts.push_back({"", kind + std::string(".."), help, "", true});
}

void Flags::add(const char* names, bool& value, const std::string& help) {
  impl_->app.add_flag(names, value);
  impl_->note("", names, help, "off");
}

void Flags::add(const char* names, const char* kind, std::string& value, const std::string& help,
                const std::vector<std::string>& choices) {
  CLI::Option* option = impl_->app.add_option(names, value);
  if (!choices.empty()) option->check(CLI::IsMember(choices));
  impl_->note(kind, names, help, value, choices);
}

void Flags::add(const char* names, const char* kind, int64_t& value, const std::string& help,
                Limits limits) {
  impl_->app.add_option(names, value)
      ->check(CLI::Range(static_cast<int64_t>(limits.low), static_cast<int64_t>(limits.high)));
  impl_->note(kind, names, help, fmt::format("{}", value));
}

void Flags::add(const char* names, const char* kind, double& value, const std::string& help,
                Limits limits) {
  impl_->app.add_option(names, value)->check(CLI::Range(limits.low, limits.high));
  impl_->note(kind, names, help, fmt::format("{:g}", value));
}

void Flags::add(const char* names, const char* kind, std::vector<std::string>& values,
                const std::string& help) {
  impl_->app.add_option(names, values)->allow_extra_args(false);
  impl_->note(kind, names, help, "");
}

void Flags::add(const std::string& names, const std::string& kind, const std::string& help,
                const std::string& initial, const std::function<void(const std::string&)>& set) {
  impl_->app.add_option_function<std::string>(names, set);
  impl_->note(kind.c_str(), names, help, initial);
}

void Flags::add_switch(const std::string& names, const std::string& help,
                       std::function<void(const std::string&)> set) {
  impl_->app.add_flag_function(
      names, [set = std::move(set)](int64_t times) { set(times > 0 ? "true" : "false"); });
  impl_->note("", names.c_str(), help, "off");
}

void Flags::argument_of(const std::vector<std::string>& choices, const char* kind,
                        std::string& value, const std::string& help) {
  impl_->app.add_option(kind, value)->required()->check(CLI::IsMember(choices));
  impl_->texts.push_back({"", kind, help, "", true, choices});
}

void Flags::exclude(const char* name, const char* other) {
  impl_->app.get_option(name)->excludes(impl_->app.get_option(other));
}

void Flags::after_parsing(std::function<void()> f) { impl_->after.push_back(std::move(f)); }

bool Flags::parse(int argc, char** argv) {
  try {
    impl_->app.parse(argc, argv);
    for (const auto& f : impl_->after) f();
    return true;
  } catch (const CLI::CallForHelp&) {
    return false;
  } catch (const CLI::ExtrasError& e) {
    const std::vector<std::string> extras = impl_->app.remaining();
    if (extras.empty()) throw UsageError(e.what());
    const std::string flag = extras.front().substr(0, extras.front().find('='));
    if (!flag.starts_with("-"))
      throw UsageError("there is no place for the argument \"" + flag + "\"");
    std::vector<std::string> names;
    for (const FlagText& t : impl_->texts) {
      if (const size_t at = t.names.find("--"); at != t.names.npos)
        names.push_back(t.names.substr(at));
    }
    const std::string near = did_you_mean(flag, names);
    throw UsageError("there is no flag " + flag + (near.starts_with("; did") ? near : ""));
  } catch (const CLI::ParseError& e) {
    throw UsageError(e.what());
  }
}

void add_threads(Flags& flags, int64_t& threads) {
  flags.add("--threads", "N", threads, "0: all CPUs; never changes a result", {0, 1024});
  // Files are read by as many, and readers are not told otherwise.
  flags.after_parsing([&threads] {
    if (threads > 0) ::setenv("LATENT_THREADS", std::to_string(threads).c_str(), 1);
  });
}

}  // namespace latent::cli
