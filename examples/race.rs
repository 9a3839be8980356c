//! Happy Eyeballs (RFC 8305): connects to a host with many addresses, of which some do not answer.
//! The next address is tried when the one before has failed, or after 250 ms. Prints:
//!
//! ```text
//! 127.0.0.1 is connected
//! nobody listens at port 1: 2 failures
//! 2 of 3 mirrors agree on 42
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use homebound::{Context, Exit, Race, RaceError, Result, run};

/// Time after which the next address is tried beside the ones that have not answered.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first address that answers. The other attempts are over when this returns.
fn connect(cx: &Context, addresses: &[SocketAddr]) -> Result<TcpStream, RaceError> {
    let mut race = Race::new();
    let mut delay = Duration::ZERO;
    for &address in addresses {
        let purpose = format!("connects to {address}");
        race = race.add_after(delay, "connect", purpose, move |cx| Ok(cx.connect(address, None)?));
        delay += ATTEMPT_DELAY;
    }
    cx.race("happy-eyeballs", race)
}

/// Asks three mirrors, and goes on when two have answered: the slow one is told to stop.
fn agree(cx: &Context) -> Result<(usize, u32)> {
    let mut race = Race::new();
    for (name, latency) in [("near", 1), ("far", 2), ("asleep", 3_600_000)] {
        race = race.add(name, "says the version", move |cx| {
            cx.sleep(Duration::from_millis(latency))?;
            Ok(42)
        });
    }
    let versions = cx.quorum("version", 2, race)?;
    let version = versions.first().copied().unwrap_or_default();
    Ok((versions.iter().filter(|other| **other == version).count(), version))
}

fn main() -> Exit<()> {
    run(|scope| {
        let cx = scope.context();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        // The first address belongs to documentation, and no packet to it comes back.
        let hosts = [Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), Ipv4Addr::LOCALHOST.into()];
        let at = |port| hosts.map(|host: IpAddr| SocketAddr::new(host, port));
        let stream = connect(cx, &at(port))?;
        println!("{} is connected", stream.peer_addr()?.ip());
        let nobody = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];
        match connect(cx, &nobody.map(|host| SocketAddr::new(host.into(), 1))) {
            Err(RaceError::TooFew { failures, .. }) => {
                let refused = failures.iter().filter(|failure| failure.downcast_ref::<io::Error>().is_some());
                println!("nobody listens at port 1: {} failures", refused.count());
            }
            other => drop(other?),
        }
        let (count, version) = agree(cx)?;
        println!("{count} of 3 mirrors agree on {version}");
        Ok(())
    })
}
