def machine(): return ""
def write(raw): return 0
