//! Figures beside their limits, as text while they come and as JSON at the end.

use std::process::ExitCode;

use serde_json::{Value, json};

/// Figures beside their limits.
#[derive(Default)]
pub struct Report {
    missed: u32,
    lines: Vec<Value>,
}

impl Report {
    /// A figure that must not exceed `limit`.
    pub fn at_most(&mut self, what: &str, figure: f64, limit: f64) {
        self.line(what, figure, "at most", limit, figure <= limit);
    }

    /// A figure that must reach `limit`.
    pub fn at_least(&mut self, what: &str, figure: f64, limit: f64) {
        self.line(what, figure, "at least", limit, figure >= limit);
    }

    /// A figure without a limit.
    pub fn figure(&mut self, what: &str, figure: f64) {
        println!("       {what}: {figure:.2}");
        self.lines.push(json!({"what": what, "figure": figure}));
    }

    fn line(&mut self, what: &str, figure: f64, bound: &str, limit: f64, met: bool) {
        self.missed += u32::from(!met);
        println!("{} {what}: {figure:.2} ({bound} {limit})", if met { "met   " } else { "MISSED" });
        self.lines.push(json!({"what": what, "figure": figure, "bound": bound, "limit": limit, "met": met}));
    }

    /// What bounds the figure before, by what was measured with it; said where that missed its limit.
    pub fn bounded_by(&mut self, why: &str) {
        if let Some(line) = self.lines.last_mut().filter(|line| line["met"] == false) {
            println!("       bounded by: {why}");
            line["boundedBy"] = why.into();
        }
    }

    /// All lines so far.
    pub fn to_json(&self) -> Value {
        Value::from(self.lines.clone())
    }

    /// Says whether all was met; a failure if not.
    pub fn end(self) -> ExitCode {
        println!("{}", if self.missed == 0 { "all met" } else { "not all met" });
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The middle one.
pub fn median(figures: &mut [f64]) -> f64 {
    percentile(figures, 0.5)
}

/// The middle of the ratios of figures of the same round each: a machine's pace changes from round to round.
pub fn median_ratio(figures: &[f64], others: &[f64]) -> f64 {
    median(&mut figures.iter().zip(others).map(|(figure, other)| figure / other).collect::<Vec<_>>())
}

/// The one that the share `part` (0–1) does not exceed.
pub fn percentile(figures: &mut [f64], part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let rank = ((figures.len() as f64 * part).ceil() as usize).saturating_sub(1);
    figures.get(rank).copied().unwrap_or(f64::NAN)
}
