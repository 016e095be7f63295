//! Go's readings of numbers and booleans, with the words of its errors, which users of Go hosts know.

/// Go's `strconv.Atoi`.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("strconv.Atoi: parsing {text:?}: invalid syntax"));
    }
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: value out of range"))
}

/// Go's `strconv.ParseBool`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("+7", Ok(7)),
            ("-3", Ok(-3)),
            ("007", Ok(7)),
            ("", Err("strconv.Atoi: parsing \"\": invalid syntax")),
            ("1 ", Err("strconv.Atoi: parsing \"1 \": invalid syntax")),
            ("0x1", Err("strconv.Atoi: parsing \"0x1\": invalid syntax")),
            (
                "99999999999999999999",
                Err("strconv.Atoi: parsing \"99999999999999999999\": value out of range"),
            ),
        ] {
            assert_eq!(integer(text), expected.map_err(String::from), "{text:?}");
        }
    }

    #[test]
    fn booleans_are_read_as_go_reads_them() {
        for (texts, expected) in [
            (["1", "t", "T", "TRUE", "true", "True"], Some(true)),
            (["0", "f", "F", "FALSE", "false", "False"], Some(false)),
            (["", "2", "tRUE", "banana", " true", "true\n"], None),
        ] {
            for text in texts {
                assert_eq!(boolean(text), expected, "{text:?}");
            }
        }
    }
}
