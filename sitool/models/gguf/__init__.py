"""GGUF files of a base and its adapter, and llama.cpp running them.

    layouts.py      which bases can be written, and their keys
    weights.py      the tensors: names, order of rows, precision
    vocabulary.py   the tokenizer, where llama.cpp would read a text alike
    files.py        whole files, written at once or not at all
    runtime.py      llama.cpp: a loaded file, its contexts and adapters
    parity.py       whether a file says what the base says
    cache.py        the converted base, kept for the next time

What it leaves out: how tokens are drawn (`samplers/llamacpp.py`).
"""
