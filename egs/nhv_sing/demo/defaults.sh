# A first run that ends in five minutes of CPU: NHV and a small vocoder that learns something in that time, both trained a
# minute, beside NHV as it sings after a real training.
default_vocoders="nhv sawsing"
peers="pretrained=$root/pretrained/nhv"
sets=eval
f0_method=swift
