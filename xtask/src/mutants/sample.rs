//! What came of some of a part's mutants, as `tests/CONFORMANCE.md` records it: a row `| part | shard | mutants | caught | share |`.

use std::{fmt, str::FromStr};

use anyhow::{Context, Error, Result, bail, ensure};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) part: String,
    /// `K/N`: the mutants K, K + N, K + 2N and so on.
    pub(crate) shard: String,
    /// Those that compile.
    pub(crate) mutants: u32,
    pub(crate) caught: u32,
}

impl Sample {
    /// The share that was caught, in percent. All of nothing is none.
    pub(crate) fn share(&self) -> u32 {
        (100 * self.caught + self.mutants / 2) / self.mutants.max(1)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, shard, mutants, caught } = self;
        write!(f, "| {part} | {shard} | {mutants} | {caught} | {} % |", self.share())
    }
}

/// Reads a row; one that contradicts itself is refused.
impl FromStr for Sample {
    type Err = Error;

    fn from_str(row: &str) -> Result<Self> {
        let cells: Vec<_> = row.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [part, shard, mutants, caught, _] = cells[..] else {
            bail!("not a row of five cells: {row}");
        };
        let (k, n) = shard.split_once('/').with_context(|| format!("not a shard K/N: {row}"))?;
        ensure!(k.parse::<u32>()? < n.parse::<u32>()?, "there is no such shard: {row}");
        let sample = Self {
            part: part.to_owned(),
            shard: shard.to_owned(),
            mutants: mutants.parse().with_context(|| row.to_owned())?,
            caught: caught.parse().with_context(|| row.to_owned())?,
        };
        ensure!(sample.caught <= sample.mutants, "more caught than there were: {row}");
        ensure!(sample.to_string() == row.trim(), "the row should read {sample} instead of {row}");
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was() {
        for (mutants, caught, row) in [
            (67, 57, "| netrpc | 3/20 | 67 | 57 | 85 % |"),
            (200, 199, "| netrpc | 3/20 | 200 | 199 | 100 % |"),
            (3, 1, "| netrpc | 3/20 | 3 | 1 | 33 % |"),
            (0, 0, "| netrpc | 3/20 | 0 | 0 | 0 % |"),
        ] {
            let sample = Sample { part: "netrpc".into(), shard: "3/20".into(), mutants, caught };
            assert_eq!(sample.to_string(), row);
            assert_eq!(row.parse::<Sample>().unwrap(), sample);
        }
    }

    #[test]
    fn rows_that_contradict_themselves_are_refused() {
        for row in [
            "| netrpc | 3/20 | 67 | 57 | 86 % |",
            "| netrpc | 20/20 | 67 | 57 | 85 % |",
            "| netrpc | 20 | 67 | 57 | 85 % |",
            "| netrpc | 3/20 | 57 | 67 | 118 % |",
            "| netrpc | 3/20 | many | 57 | 85 % |",
            "| netrpc | 67 | 57 | 85 % |",
        ] {
            assert!(row.parse::<Sample>().is_err(), "{row}");
        }
    }
}
