{{ stretches(ref('int_unseen_loads')) }}
