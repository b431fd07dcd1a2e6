//! The screens over the invented investigation of the tests, to be looked at in a real terminal:
//! `cargo run -p offbound-tui --example fixture -- [--plain]`.

use offbound_tui::testing::{console, fixture};
use offbound_tui::{Options, Start, TuiError, run};

fn main() -> Result<(), TuiError> {
    let plain = std::env::args().any(|argument| argument == "--plain");
    run(
        Box::new(fixture::investigation()),
        Box::new(fixture::archive()),
        Box::new(console::invented()),
        Options { color: !plain, unicode: !plain, start: Start::Findings },
    )
}
