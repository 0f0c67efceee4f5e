//! Figures beside their targets, as a table or as JSON.

use serde::Serialize;

/// One measured quantity; smaller is better for all of them.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// `MB` (a million bytes), `s` or empty for a ratio.
    pub(crate) unit: &'static str,
    /// What it may be at most, if a promise was made.
    pub(crate) target: Option<f64>,
    /// Every measurement.
    pub(crate) samples: Vec<f64>,
}

impl Figure {
    /// A figure; with no samples it counts as failed.
    pub(crate) fn new(name: &str, unit: &'static str, target: Option<f64>, samples: Vec<f64>) -> Self {
        Self { name: name.to_owned(), unit, target, samples }
    }

    /// The middle measurement.
    pub(crate) fn median(&self) -> Option<f64> {
        median(&self.samples)
    }

    /// Whether the median keeps the promise; figures without one always do.
    pub(crate) fn passes(&self) -> bool {
        self.target.is_none_or(|target| self.median().is_some_and(|median| median <= target))
    }
}

/// The middle of some numbers, the mean of the two middle ones when their count is even.
pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(middle.wrapping_sub(1)).map(|lower| lower.midpoint(upper))
}

/// The table for people.
pub(crate) fn table(figures: &[Figure]) -> String {
    let head = format!("{:<44} {:>9} {:>9} {:>9} {:>9}  unit\n", "figure", "target", "min", "median", "max");
    let rows = figures.iter().map(|figure| {
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let min = figure.samples.iter().copied().reduce(f64::min);
        let max = figure.samples.iter().copied().reduce(f64::max);
        let verdict = match (figure.target, figure.passes()) {
            (None, _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        format!(
            "{:<44} {:>9} {:>9} {:>9} {:>9}  {:<4} {verdict}\n",
            figure.name,
            shown(figure.target),
            shown(min),
            shown(figure.median()),
            shown(max),
            figure.unit
        )
    });
    head + &rows.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        for (samples, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![4.0, 1.0], Some(2.5)),
            (vec![9.0, 1.0, 2.0], Some(2.0)),
        ] {
            assert_eq!(median(&samples), expected, "{samples:?}");
        }
    }

    #[test]
    fn a_missed_target_is_told() {
        let figures = [
            Figure::new("vmlinuz", "MB", Some(10.0), vec![10.1]),
            Figure::new("ready", "s", None, vec![20.0, 22.0]),
            Figure::new("never measured", "s", Some(1.0), vec![]),
        ];
        assert_eq!(figures.each_ref().map(Figure::passes), [false, true, false]);
        assert_eq!(table(&figures).matches("MISSED").count(), 2);
    }
}
