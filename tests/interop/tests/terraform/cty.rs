//! Types of attributes in a row: ours to Go's cty 1.8.2 and back.

use std::{collections::BTreeMap, fmt::Write};

use go_plugin::serde_gob::{self, GobBytes};
use interop_tests::{go_program, run};
use tokio::process::Command;

use crate::provider::CtyType;

/// The payload alone, without the message around it.
fn payload(ty: &CtyType) -> Vec<u8> {
    let message = serde_gob::to_vec(ty).unwrap();
    serde_gob::from_slice::<GobBytes>(&message).unwrap().0
}

fn parse(payload: Vec<u8>) -> serde_gob::Result<CtyType> {
    serde_gob::from_slice(&serde_gob::to_vec(&GobBytes(payload)).unwrap())
}

fn list(element: CtyType) -> CtyType {
    CtyType::List(Box::new(element))
}

fn types() -> Vec<(CtyType, &'static str, &'static str)> {
    let object = BTreeMap::from([
        ("flag".to_owned(), CtyType::Bool),
        ("tags".to_owned(), CtyType::Map(Box::new(CtyType::String))),
    ]);
    vec![
        (CtyType::Bool, "bool", "cty.Bool"),
        (CtyType::Number, "number", "cty.Number"),
        (CtyType::String, "string", "cty.String"),
        (list(list(CtyType::Number)), "list(list(number))", "cty.List(cty.List(cty.Number))"),
        (CtyType::Set(Box::new(CtyType::Bool)), "set(bool)", "cty.Set(cty.Bool)"),
        (CtyType::Map(Box::new(list(CtyType::String))), "map(list(string))", "cty.Map(cty.List(cty.String))"),
        (
            CtyType::Tuple(vec![CtyType::String, list(CtyType::Bool)]),
            "tuple([string, list(bool)])",
            "cty.Tuple([]cty.Type{cty.String, cty.List(cty.Bool)})",
        ),
        (
            list(CtyType::Object(object)),
            "list(object({flag = bool, tags = map(string)}))",
            r#"cty.List(cty.Object(map[string]cty.Type{"flag":cty.Bool, "tags":cty.Map(cty.String)}))"#,
        ),
    ]
}

#[tokio::test]
async fn types_say_the_same_in_go() {
    let mut asked = String::new();
    for (ty, ..) in types() {
        payload(&ty).iter().for_each(|byte| write!(asked, "{byte:02x}").unwrap());
        asked.push('\n');
    }
    let ran = run(Command::new(go_program("ctytypes")), asked.as_bytes()).await;
    let answers = ran.stdout_text();
    assert_eq!(answers.lines().count(), types().len(), "{answers}");
    for ((ty, ours, theirs), answer) in types().into_iter().zip(answers.lines()) {
        let (hex, text) = answer.split_once(' ').unwrap();
        assert_eq!(text, theirs);
        assert_eq!(ty.to_string(), ours);
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        assert_eq!(parse(bytes.collect()).unwrap(), ty);
    }
}

#[test]
fn a_type_that_nests_too_deep_is_refused() {
    let nested = |levels| (1..levels).fold(CtyType::String, |ty, _| list(ty));
    assert_eq!(parse(payload(&nested(64))).unwrap(), nested(64));
    let error = parse(payload(&nested(65))).unwrap_err();
    assert!(error.to_string().contains("nests deeper than 64 levels"), "{error}");
}

#[test]
fn no_payload_is_no_type() {
    assert_eq!(parse(Vec::new()).unwrap(), CtyType::Nil);
    assert_eq!(payload(&CtyType::default()), payload(&CtyType::Nil));
    assert!(parse(vec![1, 2, 3]).is_err());
}
