//! How far a load is, and Ctrl-C.
//!
//! *Invariants:* nothing goes to standard output; on a terminal a bar is drawn, elsewhere a line is
//! written every few seconds at most, and one at the end if there was one before; the first Ctrl-C
//! (or SIGTERM) lets the engine end its frame, a second ends the process at once, which loses
//! nothing that was acknowledged. *Where to start reading:* `Meter::tell`.

use super::failure::Failure;
use super::output::Output;
use super::text::grouped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use navedb::{Phase, Progress};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The exit code of a command that was interrupted: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// The time between two lines where nobody watches a terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Whether somebody asked the command to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens to Ctrl-C and SIGTERM from now on.
    pub(crate) fn listen() -> Result<Stop, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order counts: the second signal finds what the first has set.
            flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), asked.clone())
                .and_then(|_| flag::register(signal, asked.clone()))
                .map_err(|e| {
                    let message =
                        format!("cannot wait for signals: {e}; is the machine out of resources?");
                    Failure::new("io", message)
                })?;
        }
        Ok(Stop(asked))
    }

    /// Whether to go on.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Shows how far a load is.
pub(crate) struct Meter<'o> {
    output: &'o Output,
    bar: Option<ProgressBar>,
    phase: Phase,
    began: Instant,
    shown: Instant,
    lines: u64,
    last: String,
}

impl<'o> Meter<'o> {
    /// A meter that has shown nothing yet.
    pub(crate) fn new(output: &'o Output) -> Meter<'o> {
        let now = Instant::now();
        let bar = output.is_watched().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            bar.set_style(style(false));
            bar
        });
        let (phase, last) = (Phase::Plan, String::new());
        Meter { output, bar, phase, began: now, shown: now, lines: 0, last }
    }

    /// Shows how far it is now.
    pub(crate) fn tell(&mut self, progress: &Progress<'_>) {
        if progress.phase != self.phase {
            self.phase = progress.phase;
            self.began = Instant::now();
            if let Some(bar) = &self.bar {
                bar.reset();
            }
        }
        let seconds = self.began.elapsed().as_secs_f64();
        if let Some(bar) = &self.bar {
            if let (Some(total), None) = (progress.bytes_total, bar.length()) {
                bar.set_style(style(true));
                bar.set_length(total);
            }
            bar.set_position(progress.bytes_done);
            bar.set_message(words(progress, seconds));
            return;
        }
        self.last = line(progress, seconds);
        if self.shown.elapsed() >= BETWEEN_LINES {
            self.shown = Instant::now();
            self.lines += 1;
            self.output.note(&self.last);
        }
    }

    /// Ends the bar, or tells the last line when there were others.
    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        } else if self.lines > 0 {
            self.output.note(&self.last);
        }
    }
}

fn style(measured: bool) -> ProgressStyle {
    let template =
        if measured { "{msg} [{bar:24}] {percent:>3} %, {eta} left" } else { "{spinner} {msg}" };
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// What is done, with rows and rate.
fn words(progress: &Progress<'_>, seconds: f64) -> String {
    let doing = match progress.phase {
        Phase::Plan => "looking at",
        Phase::Rows => "loading",
    };
    let rate = progress.rows as f64 / seconds.max(1e-3);
    let (rows, rate) = (grouped(progress.rows), grouped(rate as u64));
    format!("{doing} {}: {rows} rows, {rate} a second", progress.file)
}

/// The same with the share and the time left, when they are known.
fn line(progress: &Progress<'_>, seconds: f64) -> String {
    let mut line = words(progress, seconds);
    if let Some(total) = progress.bytes_total.filter(|total| *total > 0) {
        let share = (progress.bytes_done as f64 / total as f64).clamp(0.0, 1.0);
        line.push_str(&format!(", {:.0} %", share * 100.0));
        if share > 0.0 {
            line.push_str(&format!(", {:.0} s left", seconds / share * (1.0 - share)));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rows_rate_share_and_time_left() {
        let progress = Progress {
            file: "a.csv",
            phase: Phase::Rows,
            bytes_done: 250,
            bytes_total: Some(1000),
            rows: 5000,
        };
        assert_eq!(
            line(&progress, 2.0),
            "loading a.csv: 5,000 rows, 2,500 a second, 25 %, 6 s left"
        );
        let unmeasured = Progress { bytes_total: None, phase: Phase::Plan, ..progress };
        assert_eq!(line(&unmeasured, 2.0), "looking at a.csv: 5,000 rows, 2,500 a second");
    }
}
