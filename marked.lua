#!a mark of UTF-8 in front
print("marked", ...)
