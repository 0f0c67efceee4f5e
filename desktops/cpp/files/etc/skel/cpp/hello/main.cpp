#include <iostream>

int main()
{
    std::cout << "Hello, world! 你好，世界！" << std::endl;
    return 0;
}
