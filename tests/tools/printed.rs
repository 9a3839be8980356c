//! Owns the test that the output of a tree is Rust: some trees as files, which are compiled and
//! run.

use std::fs;
use std::path::Path;

use homebound_testing::Tree;

/// Set it to write the files anew.
const WRITE: &str = "HOMEBOUND_WRITE_TREES";

/// Bytes of a fixed kind of noise, so that the same trees come each time.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A group, in it another, and in that a worker; both are closed, and then it is joined.
const JOINED_AFTER: &[u8] = &[11, 0, 8, 0, 11, 2, 8, 0, 0, 4, 0, 0, 20, 3, 128, 8, 0, 2, 0, 0, 20, 1, 64, 0];

fn tree(seed: u32) -> Tree {
    Tree::from_bytes(&noise(seed, 4 * (10 + seed as usize % 8)))
}

#[test]
fn trees_are_printed_as_rust_that_compiles() {
    // Some small, some large; none whose root ends by a panic, since that is how the program would
    // end.
    let mut trees = Vec::from([1, 5, 8, 14, 16, 35, 39, 93, 113].map(|seed| (seed.to_string(), tree(seed))));
    trees.push(("joined_after".to_owned(), Tree::from_bytes(JOINED_AFTER)));
    for (name, tree) in trees {
        let path = Path::new("tests/tools/trees").join(format!("tree_{name}.rs"));
        let body: String = tree.to_string().lines().map(|line| format!("    {line}\n")).collect();
        let text = format!("//! A random tree, as it prints itself.\n\nfn main() {{\n{body}}}\n");
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, &text).expect("written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(golden, text, "{} is not what is printed now; {WRITE}=1 writes it", path.display());
    }
    trybuild::TestCases::new().pass("tests/tools/trees/tree_*.rs");
}

#[test]
fn a_small_tree_reads_well() {
    // worker that fails; service; join
    let tree = Tree::from_bytes(&[0, 0, 0, 1, 0, 0, 3, 5, 20, 0, 64, 8]);
    let text = r#"use homebound::scope;
let result = scope(|s0| {
    let t1 = s0.spawn("t1", "a step", move |_cx1| {
        Err::<(), _>("step 1 fails".into())
    }).ok();
    let _t2 = s0.service("t2", "a step", move |cx2| {
        Ok(cx2.checkpoint()?)
    }).ok();
    if let Some(t) = t1 {
        t.join()?;
    }
    Ok(())
});
println!("{result:?}");
"#;
    assert_eq!(tree.to_string(), text);
}
