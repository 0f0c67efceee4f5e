print("Hello, world! 你好，世界！")
