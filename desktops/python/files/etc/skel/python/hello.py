print(f"6 x 7 = {6 * 7}")
name = input("你叫什么名字？ What is your name? ")
print(f"Hello, {name}! 你好，{name}！")
