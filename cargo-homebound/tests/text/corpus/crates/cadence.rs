// In the manner of cadence: a sink with a queue in front.
use crossbeam_channel::{bounded, Receiver, Sender, TrySendError};
use homebound::{Group, Handle};

struct Sink {
    queue: Sender<Option<String>>,
    group: Group<'static>,
}

impl Sink {
    fn new(cx: &homebound::Context) -> homebound::Result<Sink> {
        let (queue, receiver) = bounded(64);
        let group = cx.group("metrics")?;
        group.spawn("sink", "sends metrics to the collector", move |cx| drain(cx, &receiver))?;
        group.spawn("flush", "TODO", |_| Ok(()))?; //~ blank-purpose
        Ok(Sink { queue, group })
    }

    fn emit(&self, metric: &str) -> Result<(), TrySendError<Option<String>>> {
        self.queue.try_send(Some(metric.to_owned())) //~ none
    }
}

fn drain(cx: &homebound::Context, metrics: &Receiver<Option<String>>) -> homebound::Result {
    for metric in metrics { //~ deaf-wait
        match metric {
            Some(metric) => send(cx, &metric)?,
            None => break,
        }
    }
    for metric in metrics.try_iter() { //~ none
        send(cx, &metric)?;
    }
    Ok(())
}

fn produce(cx: &homebound::Context, queue: &Sender<Option<String>>) -> homebound::Result {
    queue.send(Some("up:1|c".to_owned()))?; //~ deaf-wait
    cx.send(queue, None)?; //~ none
    Ok(())
}
