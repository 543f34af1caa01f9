use std::process::ExitCode;

/// Figures beside their limits.
#[derive(Default)]
pub struct Report {
    missed: u32,
}

impl Report {
    pub fn at_most(&mut self, what: &str, figure: f64, limit: f64) {
        let met = figure <= limit;
        self.missed += u32::from(!met);
        println!("{} {what}: {figure:.2} (at most {limit})", if met { "met   " } else { "MISSED" });
    }

    pub fn end(self) -> ExitCode {
        println!("{}", if self.missed == 0 { "all met" } else { "not all met" });
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The middle one.
pub fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
