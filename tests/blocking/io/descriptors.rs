//! A wait that gets no descriptor is an error, and no wait leaves a descriptor behind.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Read;
use std::os::unix::net::UnixStream;

use super::{descriptors, full_listener, is_readable, is_stop};
use crate::common::*;
use homebound::scope;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn without_descriptors_a_wait_is_refused() {
    // catches: a panic, or a wait that hears no stop
    child_passes(|_| {
        let (ours, _theirs) = UnixStream::pair().expect("made");
        let before = getrlimit(Resource::Nofile);
        let result = scope(|s| {
            setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: before.maximum })?;
            let cx = s.context();
            assert!(cx.stop_fd().is_err());
            let error = cx.io(&ours).read(&mut [0]).unwrap_err();
            assert!(!is_stop(&error) && error.raw_os_error().is_some(), "{error:?}");
            setrlimit(Resource::Nofile, before)?;
            assert!(!is_readable(&cx.stop_fd()?));
            Ok(())
        });
        result.unwrap();
        0
    });
}

#[test]
fn no_descriptor_is_left_behind() {
    // catches: an event that outlives its thread, a socket that was on its way
    child_passes(|_| {
        let (listener, queued) = full_listener().expect("full");
        let address = listener.local_addr().expect("bound");
        let before = descriptors();
        for _ in 0..500 {
            let result = scope(|s| {
                s.spawn("connects", "is never answered", move |cx| Ok(drop(cx.connect(address, NEVER)?)))?;
                s.spawn("reads", "hears nothing", |cx| {
                    let (ours, _theirs) = UnixStream::pair()?;
                    Ok(cx.io(ours).read_exact(&mut [0])?)
                })?;
                Ok(s.stop())
            });
            result.unwrap();
        }
        assert_eq!(descriptors(), before);
        drop(queued);
        0
    });
}
