//! What the compiler says about mistakes in an interface. `TRYBUILD=overwrite` writes the expected messages anew.

#[test]
fn mistakes_get_messages_that_say_what_to_change() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
