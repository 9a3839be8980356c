//! Owns stacks in looks, dumps and last words.
//! Refuses to pin a layout.
#![allow(unsafe_code)] // raw calls
#![cfg(all(feature = "stacks", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod looks;
mod sleeps;
mod st1_asleep;
mod st2_running;
mod st3_missing;
mod st3_refused;
mod st4_settings;
mod st5_last_words;
mod st6_header;
