//! The shares of mutants that were caught, as the table's section [`HEADING`] records them.

use anyhow::{Context, Result, ensure};

use crate::mutants::{PARTS, Sample};

/// Where the rows are.
const HEADING: &str = "## Mutants";

/// What is recorded, part by part, in a sentence. Fails unless every part of `cargo xtask mutants` is.
pub(super) fn recorded(table: &str) -> Result<String> {
    let section = table.split_once(HEADING).with_context(|| format!("there is no section {HEADING}"))?.1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    // Below the head of the first table in the section, up to its end.
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let samples: Vec<Sample> =
        rows.take_while(|line| line.starts_with('|')).map(str::parse).collect::<Result<_>>()?;
    for sample in &samples {
        ensure!(PARTS.iter().any(|part| part.name == sample.part), "there is no part {}", sample.part);
    }
    let parts: Result<Vec<_>> = PARTS
        .iter()
        .map(|part| {
            let samples = samples.iter().filter(|sample| sample.part == part.name);
            let (caught, mutants) =
                samples.fold((0, 0), |(caught, all), sample| (caught + sample.caught, all + sample.mutants));
            ensure!(mutants > 0, "nothing is recorded of the mutants of {}", part.name);
            Ok(format!("{} {caught} of {mutants}", part.name))
        })
        .collect();
    Ok(format!("mutants caught, as recorded: {}", parts?.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
| GP-01 | text | open |

## Mutants

Text.

| Part | Shard | Mutants | Caught | Share |
|---|---|---|---|---|
| serde_gob | 0/20 | 60 | 57 | 95 % |
| serde_gob | 7/20 | 40 | 33 | 83 % |
| netrpc | 0/6 | 10 | 10 | 100 % |
| muxbroker | 0/12 | 4 | 1 | 25 % |
| handshake | 0/1 | 1 | 1 | 100 % |

| Group | Broken | Test |
|---|---|---|
| one | two | three |

## More

| serde_gob | not | a | row |
";

    #[test]
    fn the_shards_of_a_part_are_counted_together() {
        assert_eq!(
            recorded(TABLE).unwrap(),
            "mutants caught, as recorded: serde_gob 90 of 100, netrpc 10 of 10, muxbroker 1 of 4, handshake 1 of 1"
        );
    }

    #[test]
    fn a_part_that_is_missing_unknown_or_wrong_is_an_error() {
        for (from, to) in [
            ("## Mutants", "## Others"),
            ("| netrpc | 0/6 | 10 | 10 | 100 % |\n", ""),
            ("| netrpc |", "| jsonrpc |"),
            ("| 57 | 95 % |", "| 57 | 99 % |"),
        ] {
            assert!(TABLE.contains(from), "{from}");
            assert!(recorded(&TABLE.replace(from, to)).is_err(), "{from}");
        }
    }
}
