print("mod", ...)
return { answer = 42 }
