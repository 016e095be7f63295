//! What the derive refuses, with the compiler's words beside each case (`TRYBUILD=overwrite` rewrites them).

#[test]
fn shapes_without_a_go_counterpart_are_compile_errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
