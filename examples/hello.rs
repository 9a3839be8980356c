//! Prints three sums made by three threads, the tree while they run, and how they came home.

use homebound::registry::{Exit, run};

fn main() -> Exit<()> {
    let numbers: Vec<u64> = (1..=3000).collect();
    let exit = run(|scope| {
        let service = scope.service("ticker", "shows a service", |cx| {
            cx.wait_for_stop();
            Ok(())
        })?;
        let mut sums = Vec::new();
        for (index, part) in numbers.chunks(1000).enumerate() {
            let name = format!("sum-{index}");
            sums.push(
                scope.spawn(name, "adds up a thousand numbers", move |_| Ok(part.iter().sum::<u64>()))?,
            );
        }
        println!("{}", scope.dump_status());
        for sum in sums {
            println!("{}: {}", sum.path().to_owned(), sum.join()?);
        }
        drop(service);
        Ok(())
    });
    println!("{}", exit.shutdown);
    exit
}
