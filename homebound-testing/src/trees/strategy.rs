//! Owns the way in which proptest makes and shrinks trees.
//! Refuses to know the steps: it makes bytes, and each four of them are a step.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::Strategy;

use super::bytes::{LARGEST, WIDTH};
use super::tree::Tree;

/// Random trees, for proptest. They shrink by losing steps, each with what is inside it or without,
/// and by becoming plainer.
///
/// ```
/// use homebound_testing::trees;
/// use proptest::test_runner::{Config, TestCaseError, TestRunner};
///
/// let mut runner = TestRunner::new(Config::with_cases(4));
/// let result = runner.run(&trees(), |tree| {
///     tree.run().check().map_err(|wrong| TestCaseError::fail(wrong.to_string()))
/// });
/// assert!(result.is_ok());
/// ```
pub fn trees() -> impl Strategy<Value = Tree> {
    trees_up_to(LARGEST / 2)
}

/// Random trees of at most this many steps.
pub fn trees_up_to(steps: usize) -> impl Strategy<Value = Tree> {
    vec(any::<[u8; WIDTH]>(), 0..=steps.min(LARGEST)).prop_map(|genes| Tree::from_bytes(genes.as_flattened()))
}
