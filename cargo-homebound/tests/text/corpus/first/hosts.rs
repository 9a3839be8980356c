// Runtimes and pools that a scope owns, and those that nobody owns.
mod pools {
    use homebound_rayon::RayonPool;
    use rayon::prelude::*;
    fn main() -> homebound::Exit<()> {
        homebound::run(|scope| {
            let v = vec![1, 2];
            let a: u32 = v.par_iter().sum(); //~ raw-thread
            v.clone().into_par_iter().for_each(work); //~ raw-thread
            let mut w = vec![3];
            w.par_sort_unstable(); //~ raw-thread
            rayon::join(|| 1, || 2); //~ raw-thread
            let pool = RayonPool::new(scope, "ray", "sums", 2)?;
            let b: u32 = pool.install(|| v.par_iter().sum())?; //~ none
            pool.install(|| rayon::spawn(work))?; //~ none
            pool.install(|| rayon::join(|| v.par_iter().count(), || 2))?; //~ none
            pool.spawn(|_| Ok(v.par_iter().for_each(work)))?; //~ none
            let cx = scope.context();
            pool.install(|| cx.shield(SECOND, |cx| v.par_iter().for_each(|_| work(cx))))?; //~ none
            scope.spawn("sums", "sums on a pool of the program", move |cx| {
                pool.install(|| inside(cx, &v))?; //~ none
                Ok(outside(cx, &v))
            })?;
            Ok(())
        })
    }
    fn inside(cx: &homebound::Context, v: &[u32]) -> u32 {
        deeper(v) + v.par_iter().sum::<u32>() //~ none
    }
    fn deeper(v: &[u32]) -> u32 {
        v.par_iter().sum() //~ none
    }
    fn outside(cx: &homebound::Context, v: &[u32]) -> u32 {
        v.par_iter().sum() //~ raw-thread
    }
    pub fn called_elsewhere(cx: &homebound::Context, v: &[u32]) -> u32 {
        v.par_iter().sum() //~ none
    }
    fn without_a_scope(v: &[u32]) -> u32 {
        v.par_iter().sum() //~ none
    }
}

mod runtimes {
    use homebound_tokio::{block_on_tokio, reported};
    use std::time::Duration;
    fn a(scope: &homebound::Scope<'_, '_>) {
        scope.service("tokio", "serves", |cx| {
            block_on_tokio(cx, 2, LIMIT, |token| async move {
                let one = tokio::spawn(work()); //~ none
                tokio::task::spawn_blocking(|| compute()).await?; //~ none
                tokio::spawn(work()); //~ detached-thread
                tokio::spawn(reported(&cx, work())); //~ none
                let mut set = tokio::task::JoinSet::new();
                set.spawn(work()); //~ none
                std::thread::spawn(|| compute()).join(); //~ raw-thread deaf-wait
                let runtime = tokio::runtime::Runtime::new()?; //~ raw-thread
                one.await?;
                serve(token).await
            })
        });
        scope.service("bare", "blocks on a runtime of its own", |cx| {
            let runtime = tokio::runtime::Builder::new_multi_thread().build()?; //~ raw-thread
            Ok(runtime.block_on(lonely())) //~ deaf-wait
        });
    }
    async fn serve(token: CancellationToken) -> Result<()> {
        route(get(move || answer(token.clone()))).await
    }
    async fn answer(token: CancellationToken) -> String {
        tokio::task::spawn_blocking(|| compute()).await.unwrap() //~ none
    }
    async fn lonely() {
        tokio::task::spawn_blocking(|| compute()).await.unwrap() //~ raw-thread
    }
    pub async fn called_elsewhere() {
        tokio::spawn(work()).await; //~ raw-thread
    }
}
