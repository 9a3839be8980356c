//! Shows the three strategies of a supervisor side by side: four children, of which the second
//! fails once. `+b` is the begin of a run of b, `-b` its end by a stop, `!b` its failure.
//!
//! ```text
//! one for one    +a +b +c +d !b +b
//! rest for one   +a +b +c +d !b -d -c +b +c +d
//! one for all    +a +b +c +d !b -d -c -a +a +b +c +d
//! ```

use std::time::Duration;

use homebound::channel::{bounded, unbounded};
use homebound::work::{Child, Strategy};
use homebound::{Context, Result, ScopeError};

/// How long a child may take to be ready.
const LIMIT: Duration = Duration::from_secs(5);

fn main() -> Result<(), ScopeError> {
    // With the number of children that are started again.
    for (strategy, again) in [(Strategy::OneForOne, 1), (Strategy::RestForOne, 3), (Strategy::OneForAll, 4)] {
        println!("{:<14} {}", strategy.to_string(), steps(strategy, again)?.join(" "));
    }
    Ok(())
}

/// What the children do until all of them are up again.
fn steps(strategy: Strategy, again: usize) -> Result<Vec<String>, ScopeError> {
    let (tell, told) = unbounded();
    let (fail, order) = bounded(0);
    homebound::scope(|scope| {
        let sup = scope.supervisor("group", "keeps four").strategy(strategy);
        let sup = ["a", "b", "c", "d"].into_iter().fold(sup, |sup, name| {
            let (tell, order) = (tell.clone(), order.clone());
            let child = Child::new(name, "works", move |cx: &Context| {
                tell.send(format!("+{name}"))?;
                cx.ready(); // the next child starts only now
                if name == "b" && cx.run_number() == 1 {
                    cx.recv(&order)?;
                    tell.send(format!("!{name}"))?;
                    Err("the line went dead")?; // and on, in the next run
                }
                cx.wait_for_stop();
                tell.send(format!("-{name}"))?;
                Ok(cx.checkpoint()?)
            });
            sup.add(child.ready_within(LIMIT))
        });
        sup.start()?;
        let cx = scope.context();
        cx.send(&fail, ())?;
        let (mut steps, mut starts) = (Vec::new(), 0);
        while starts < 4 + again {
            let step = cx.recv(&told)?;
            starts += usize::from(step.starts_with('+'));
            steps.push(step);
        }
        Ok(steps)
    })
}
