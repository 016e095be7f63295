//! What came of it: for people a line, for programs an object.

use std::fmt;

use serde::Serialize;

use super::{
    figure::Figure,
    programs::Measured,
    rows::{Rival, Row, Runtime},
};

/// One figure of ours beside that of somebody else.
#[derive(Serialize)]
pub(crate) struct Comparison {
    name: &'static str,
    /// The median of the rounds, in `unit`.
    rust: f64,
    /// The same of the other side; none where a row has no other side.
    baseline: Option<f64>,
    against: Option<&'static str>,
    runtime: &'static str,
    unit: &'static str,
    /// How many times better Rust is: the median of the rounds' ratios.
    ratio: Option<f64>,
    /// The lowest and the highest of these ratios.
    spread: Option<[f64; 2]>,
    /// What `ratio` is to reach.
    target: Option<f64>,
}

impl Comparison {
    pub(crate) fn new(
        row: &Row,
        runtime: Runtime,
        figure: Figure,
        rival: &Rival,
        ours: &[Measured],
        theirs: &[Measured],
    ) -> Self {
        let (ours, theirs) = (values(ours, figure), values(theirs, figure));
        let mut ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(o, t)| figure.ratio(*o, *t)).collect();
        ratios.sort_by(f64::total_cmp);
        Self {
            rust: median(ours),
            baseline: Some(median(theirs)),
            against: Some(rival.name),
            spread: ratios.first().zip(ratios.last()).map(|(low, high)| [*low, *high]),
            ratio: Some(median(ratios)),
            target: row.target(rival, runtime, figure),
            ..Self::alone(row, runtime, figure, &[])
        }
    }

    /// A figure that is for orientation.
    pub(crate) fn alone(row: &Row, runtime: Runtime, figure: Figure, ours: &[Measured]) -> Self {
        Self {
            name: row.name,
            rust: median(values(ours, figure)),
            baseline: None,
            against: None,
            runtime: runtime.name(),
            unit: figure.unit,
            ratio: None,
            spread: None,
            target: None,
        }
    }

    fn is_missed(&self) -> bool {
        self.ratio.zip(self.target).is_some_and(|(ratio, target)| ratio < target)
    }
}

fn values(rounds: &[Measured], figure: Figure) -> Vec<f64> {
    rounds.iter().map(|round| round.get(figure.key).copied().unwrap_or(f64::NAN)).collect()
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

pub(crate) const HEADING: &str = "\
row                             runtime         unit             against            Rust      other  ratio  (spread)         target";

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rust, runtime, unit, .. } = self;
        write!(
            f,
            "{name:31} {runtime:15} {unit:16} {:13} {rust:>9.*}",
            self.against.unwrap_or("-"),
            digits(*rust)
        )?;
        let Some(((baseline, ratio), [low, high])) = self.baseline.zip(self.ratio).zip(self.spread) else {
            return Ok(());
        };
        let spread = format!("({low:.2} – {high:.2})");
        write!(f, " {baseline:>10.*} {ratio:>6.2}  {spread:16}", digits(baseline))?;
        match self.target {
            Some(target) => write!(f, " {target:.2}{}", if self.is_missed() { "  missed" } else { "" }),
            None => Ok(()),
        }
    }
}

/// Decimals that mean something.
pub(super) fn digits(value: f64) -> usize {
    if value < 10.0 {
        2
    } else if value < 1000.0 {
        1
    } else {
        0
    }
}

pub(crate) fn summary(all: &[Comparison]) -> String {
    let judged = all.iter().filter(|comparison| comparison.target.is_some()).count();
    let missed: Vec<&Comparison> = all.iter().filter(|comparison| comparison.is_missed()).collect();
    let mut text = format!("{} of {judged} targets reached", judged - missed.len());
    for Comparison { name, runtime, unit, against, .. } in missed {
        text += &format!("\n  missed: {name} ({runtime}, {unit}) against {}", against.unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::rows;

    fn rounds(key: &str, values: [f64; 3]) -> Vec<Measured> {
        values.map(|value| Measured::from([(key.to_owned(), value)])).into()
    }

    fn compare(name: &str, ours: [f64; 3], theirs: [f64; 3]) -> Comparison {
        let row = rows::all().into_iter().find(|row| row.name == name).unwrap();
        let figure = row.figures[0];
        let (ours, theirs) = (rounds(figure.key, ours), rounds(figure.key, theirs));
        Comparison::new(&row, row.runtimes[0], figure, &row.rivals[0], &ours, &theirs)
    }

    #[test]
    fn a_ratio_above_one_is_better_where_less_is_better_and_where_more_is() {
        let time = compare("gob/header/encode", [10.0; 3], [20.0; 3]);
        let rate = compare("netrpc/calls64x64", [20.0; 3], [10.0; 3]);
        assert_eq!((time.ratio, rate.ratio), (Some(2.0), Some(2.0)));
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        // The machine was ten times slower in the second round, for both.
        let found = compare("gob/header/encode", [10.0, 100.0, 10.0], [50.0, 520.0, 60.0]);
        assert_eq!((found.rust, found.baseline), (10.0, Some(60.0)));
        assert_eq!((found.ratio, found.spread), (Some(5.2), Some([5.0, 6.0])));
        assert!(!found.is_missed());
    }
}
