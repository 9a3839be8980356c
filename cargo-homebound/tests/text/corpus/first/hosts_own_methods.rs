// A method that is called as one of rayon's.
mod own_methods {
    struct Books(Vec<u32>);
    impl Books {
        fn par_iter(&self) -> std::slice::Iter<'_, u32> {
            self.0.iter()
        }
    }
    fn main() {
        homebound::scope(|_| Ok(Books(vec![1]).par_iter().count())); //~ none
    }
}
