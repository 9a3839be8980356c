//! Prints three sums made by three threads, the tree of threads while they run, and how they came
//! home. Read it first. Next: `pipeline`, `daemon`, `failures`, `subsystem`.

use homebound::registry::{Exit, run};

fn main() -> Exit<()> {
    let numbers: Vec<u64> = (1..=3000).collect();

    // Everything runs inside one scope. When `run` returns, every thread has been joined.
    let exit = run(|scope| {
        // A service ends when it is told: here, when all workers are home.
        scope.service("ticker", "shows that the program lives", |cx| {
            cx.wait_for_stop();
            Ok(())
        })?;

        // A worker ends by itself. It may borrow a value that lives outside of the scope:
        // `numbers`.
        let mut sums = Vec::new();
        for (index, part) in numbers.chunks(1000).enumerate() {
            let sum = scope.spawn(format!("sum-{index}"), "adds up a thousand numbers", |cx| {
                cx.checkpoint()?;
                Ok(part.iter().sum::<u64>())
            })?;
            sums.push(sum);
        }

        println!("{}", scope.dump_status());
        for sum in sums {
            println!("{} = {}", sum.path().to_owned(), sum.join()?);
        }
        Ok(())
    });

    println!("\n{}", exit.shutdown);
    exit
}
