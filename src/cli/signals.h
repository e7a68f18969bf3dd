// INT and TERM as a wish: the work in hand is finished and saved. A second one leaves at once.
#pragma once

namespace latent::cli {

/// From now on, instead of the default actions.
void catch_signals();
/// The number of the signal that came, 0 for none.
int signal_caught();

}  // namespace latent::cli
