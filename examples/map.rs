//! Prints the sizes of pages, fetched two at a time, then the first number with a large square,
//! from a source without an end.
//!
//! ```text
//! index: 5 bytes
//! about: 5 bytes
//! contact: 7 bytes
//! 32 * 32 = 1024
//! ```
//!
//! Run it with `cargo run --example map`.

use std::time::Duration;

use homebound::{Context, Exit, run};

fn main() -> Exit<()> {
    run(|scope| {
        let pages = vec!["index", "about", "contact"];

        // All results at once, in the order of the items. The items are borrowed.
        let sizes = scope.map("fetch", "fetches a page", 2, &pages, |cx, page| {
            // Stands for a call over the network. A stop ends it.
            cx.sleep(Duration::from_millis(10))?;
            Ok(page.len())
        })?;
        for (page, size) in pages.iter().zip(sizes) {
            println!("{page}: {size} bytes");
        }

        // One by one, while the workers go on: at most four numbers are ahead of the loop.
        let square = |_: &Context, n: u64| Ok((n, n * n));
        scope.map_stream("square", "squares a number", 2, 1.., square, |_, squares| {
            for square in squares {
                let (n, square) = square?; // a stop ends the search
                if square > 1_000 {
                    println!("{n} * {n} = {square}");
                    break; // the rest is stopped
                }
            }
            Ok(())
        })?;
        Ok(())
    })
}
