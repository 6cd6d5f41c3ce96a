"""What the next round will need, in memory and in time, worked out before it starts.

    shapes.py      how large a base is, read from its files
    tokens.py      how many tokens a text is, without the tokenizer's own library
    machines.py    what is free on this machine, and what was measured of it
    work.py        how much there is to do: problems, samples, tokens
    memory.py      bytes by phase: the formula
    paces.py       seconds by phase: from earlier rounds, else from the machine's rates
    estimates.py   all of it together, and in one sentence
    advice.py      which setting to lower, and to what

Pure arithmetic on settings, files and numbers: nothing here loads torch, so that
a front end may ask. What needs torch is measured in a process of its own
(`sitool.probes`) and kept in the user's cache folder.
"""
